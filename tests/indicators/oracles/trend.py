"""Trend as TA-Lib has it, and built from its parts where it has none."""

import itertools
import math

import numpy as np
import talib


def _parabolic(bars, step, maximum):
    stops = talib.SAR(bars["high"], bars["low"], step, maximum)
    # TA-Lib gives no direction; a stop is never on both sides of a bar that has two.
    direction = np.where(stops < (bars["high"] + bars["low"]) / 2, 1.0, -1.0)
    return stops, np.where(np.isnan(stops), np.nan, direction)


def _running(basic, close, nearer, beyond):
    """A final band: the nearest basic band since a close was last beyond it."""
    final, best = [], None
    for value, price in zip(basic.tolist(), close.tolist(), strict=True):
        if math.isnan(value):
            final.append(math.nan)
            continue
        best = value if best is None else nearer(best, value)
        final.append(best)
        if beyond(price, best):
            best = None
    return np.array(final)


def _supertrend(bars, period, multiplier):
    """Not by the day: each band by itself, then the side on which a close was last beyond one."""
    high, low, close = bars["high"], bars["low"], bars["close"]
    reach = multiplier * talib.ATR(high, low, close, period)
    upper = _running(talib.MEDPRICE(high, low) + reach, close, min, float.__gt__)
    lower = _running(talib.MEDPRICE(high, low) - reach, close, max, float.__lt__)
    above, below = close > upper, close < lower
    above[: period + 1] = below[: period + 1] = False  # the trend begins falling
    # Narrow bands can cross, and a close be beyond both: then the trend turns whichever it was.
    turns = np.flatnonzero(above | below)
    sides = np.where(above, 1.0, -1.0)
    for before, row in itertools.pairwise([0, *turns.tolist()]):
        sides[row] = -sides[before] if above[row] and below[row] else sides[row]
    last = np.maximum.accumulate(np.where(above | below, np.arange(len(close)), 0))
    direction = np.where(np.isnan(upper), np.nan, sides[last])
    return np.where(direction > 0, lower, upper), direction


def _ichimoku(bars, conversion, base, span, displacement):
    def middle(period):
        return (talib.MAX(bars["high"], period) + talib.MIN(bars["low"], period)) / 2

    def later(values):
        return np.concatenate([np.full(displacement, np.nan), values])[: len(values)]

    tenkan, kijun = middle(conversion), middle(base)
    return tenkan, kijun, later((tenkan + kijun) / 2), later(middle(span))


def _cloud(bars, fast, slow, period):
    middles = talib.MEDPRICE(bars["high"], bars["low"])
    quick, calm = talib.EMA(middles, fast), talib.EMA(middles, slow)
    direction = np.where(quick >= calm, 1.0, np.where(np.isnan(calm), np.nan, -1.0))
    return quick, calm, direction, abs(quick - calm) / talib.ATR(bars["high"], bars["low"], bars["close"], period)


TALIB = {"psar": _parabolic, "supertrend": _supertrend, "ichimoku": _ichimoku, "trend_cloud": _cloud}

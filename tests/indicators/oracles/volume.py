"""Volume as TA-Lib has it."""

import math

import numpy as np
import talib

from tests.indicators.units import in_units


def in_windows(function, columns, bars):
    """The last value of `function` over each window of `bars` bars by itself.

    TA-Lib's sums run from the first bar of what they are given and keep rounding of what has left a window.
    """
    values = np.full(len(columns[0]), math.nan)
    for end in range(bars, len(values) + 1):
        values[end - 1] = function(*(column[end - bars : end] for column in columns))
    return values


def obv(bars, period):
    """The change of TA-Lib's line over `period` bars."""

    def change(close, volume):
        line = talib.OBV(close, volume)
        return line[-1] - line[0]

    return (in_windows(change, [bars["close"], bars["volume"]], period + 1),)


def accumulation_distribution(bars, period):
    """The end of TA-Lib's line over `period` bars."""
    columns = [bars[name] for name in ("high", "low", "close", "volume")]
    return (in_windows(lambda *window: talib.AD(*window)[-1], columns, period),)


def mfi(bars, period):
    """TA-Lib on whole numbers, so that equal sums of prices tie; null where TA-Lib says 0 because nothing flowed."""
    prices = [3 * column for column in in_units(bars["high"], bars["low"], bars["close"])]
    (volume,) = in_units(bars["volume"])

    def index(*window):
        moved = np.diff(sum(window[:3])) != 0
        return talib.MFI(*window, period)[-1] if (moved * window[3][1:]).any() else math.nan

    return (in_windows(index, [*prices, volume], period + 1),)


def force_index(bars, period):
    """TA-Lib's exponential mean of what its momentum and the volume make; the first bar has none."""
    force = talib.MOM(bars["close"], 1) * bars["volume"]
    return (np.concatenate([[math.nan], talib.EMA(force[1:], period)]),)


TALIB = {
    "obv": obv,
    "accumulation_distribution": accumulation_distribution,
    "mfi": mfi,
    "force_index": force_index,
}

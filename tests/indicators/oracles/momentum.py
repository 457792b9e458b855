"""Momentum as TA-Lib has it."""

import math

import numpy as np
import talib
from numpy.lib.stride_tricks import sliding_window_view

from tests.indicators.units import in_units


def short_means(values, period):
    """Mean of each window by itself: TA-Lib's own running sums keep rounding of what has left the window."""
    means = np.full(len(values), math.nan)
    if len(values) >= period:
        means[period - 1 :] = sliding_window_view(values, period).mean(axis=1)
    return means


def range_of(high, low, period):
    return talib.MAX(high, period) - talib.MIN(low, period)


def stochastic(bars, period, slowing, d_period):
    """TA-Lib's fast %K, null in an empty range where TA-Lib says 0, smoothed."""
    fast, _ = talib.STOCHF(bars["high"], bars["low"], bars["close"], period, 1, 0)
    fast[range_of(bars["high"], bars["low"], period) == 0] = math.nan
    slow = short_means(fast, slowing)
    return slow, short_means(slow, d_period)


def stochastic_rsi(bars, period, k_period, slowing, d_period):
    """TA-Lib's fast stochastic of its RSI, which a bar without a change leaves exactly as it was."""
    index = talib.RSI(bars["close"], period)
    row = np.arange(len(index))
    changed = (np.diff(bars["close"], prepend=math.nan) != 0) | (row <= period)
    index = index[np.maximum.accumulate(np.where(changed, row, 0))]
    fast, _ = talib.STOCHF(index, index, index, k_period, 1, 0)
    fast[range_of(index, index, k_period) == 0] = math.nan
    slow = short_means(fast, slowing)
    return slow, short_means(slow, d_period)


def cci(bars, period):
    """TA-Lib on whole numbers, which the mean of three prices and that of the window leave whole: exact, ties too.

    Null where all typical prices of the window are equal; TA-Lib says 0.
    """
    high, low, close = (3 * period * column for column in in_units(bars["high"], bars["low"], bars["close"]))
    values = talib.CCI(high, low, close, period)
    typical = high + low + close
    values[talib.MAX(typical, period) == talib.MIN(typical, period)] = math.nan
    return (values,)


def williams_r(bars, period):
    values = talib.WILLR(bars["high"], bars["low"], bars["close"], period)
    values[range_of(bars["high"], bars["low"], period) == 0] = math.nan
    return (values,)


TALIB = {
    "rsi": lambda bars, period: (talib.RSI(bars["close"], period),),
    "stochastic": stochastic,
    "stochastic_rsi": stochastic_rsi,
    "roc": lambda bars, period: (talib.ROC(bars["close"], period),),
    "momentum": lambda bars, period: (talib.MOM(bars["close"], period),),
    "cci": cci,
    "williams_r": williams_r,
}

"""Kernels of recursive averages, seeded as TA-Lib does: with the simple mean of the first `period` values.

The step is `average += weight * (value - average)`: an average that equals its input stays exactly
where it is, and there is no division to wait for.
`tradepipe.indicators.recurrences.SeededAverage` is the same arithmetic one value at a time.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.kernels.compiling import compiled

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]


@compiled
def ema(offsets: Offsets, close: Floats, period: int, out: Floats) -> None:
    """Exponential average with weight 2 / (period + 1)."""
    weight = 2.0 / (period + 1)
    for group in range(len(offsets) - 1):
        start, stop = offsets[group], offsets[group + 1]
        out[start : min(start + period - 1, stop)] = np.nan
        if stop - start < period:
            continue
        total = 0.0
        for i in range(start, start + period):
            total += close[i]
        average = total / period
        out[start + period - 1] = average
        for i in range(start + period, stop):
            average += weight * (close[i] - average)
            out[i] = average


@compiled
def rsi(offsets: Offsets, close: Floats, period: int, out: Floats) -> None:
    """100 times the share of gains in Wilder's averages of gains and losses; NaN while nothing moved."""
    weight = 1.0 / period
    for group in range(len(offsets) - 1):
        start, stop = offsets[group], offsets[group + 1]
        out[start : min(start + period, stop)] = np.nan
        if stop - start <= period:
            continue
        gain, loss = 0.0, 0.0
        for i in range(start + 1, start + period + 1):
            change = close[i] - close[i - 1]
            gain += max(change, 0.0)
            loss += max(-change, 0.0)
        gain /= period
        loss /= period
        out[start + period] = 100.0 * (gain / (gain + loss))
        for i in range(start + period + 1, stop):
            change = close[i] - close[i - 1]
            gain += weight * (max(change, 0.0) - gain)
            loss += weight * (max(-change, 0.0) - loss)
            out[i] = 100.0 * (gain / (gain + loss))


@compiled
def _true_range(high: float, low: float, close_before: float) -> float:
    return max(high - low, abs(high - close_before), abs(low - close_before))


@compiled
def atr(  # noqa: PLR0913, PLR0917 - the kernels' common signature
    offsets: Offsets, high: Floats, low: Floats, close: Floats, period: int, out: Floats
) -> None:
    """Wilder's average of the true range, which begins with the second bar."""
    weight = 1.0 / period
    for group in range(len(offsets) - 1):
        start, stop = offsets[group], offsets[group + 1]
        out[start : min(start + period, stop)] = np.nan
        if stop - start <= period:
            continue
        total = 0.0
        for i in range(start + 1, start + period + 1):
            total += _true_range(high[i], low[i], close[i - 1])
        average = total / period
        out[start + period] = average
        for i in range(start + period + 1, stop):
            average += weight * (_true_range(high[i], low[i], close[i - 1]) - average)
            out[i] = average

"""Kernels over moving windows: sums that neither drift nor cancel.

A running sum that adds the newest value and subtracts the oldest keeps every rounding error it ever
made, and for a variance it subtracts two large numbers. Instead a series is cut into blocks as long
as the window. A window ending inside a block is the tail of the block before plus the head of this
one, and both are sums that only ever add (van Herk 1992, Gil & Werman 1993, for minima). Values are
taken relative to an anchor that lies inside the window, so squares cancel at most period-fold
whatever the price level. Cost: two additions a row and sum, independent of the period.
`tradepipe.indicators.recurrences.WindowMoments` is the same arithmetic one value at a time.
"""

import math

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.kernels.compiling import compiled

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]


@compiled
def _log_return(value: float, before: float) -> float:
    # log(value / before) would round the quotient to 1e-16 of 1, which is 1e-9 of a tick at 60,000.
    return math.log1p((value - before) / before)


@compiled
def _window_means(values: Floats, start: int, stop: int, period: int, mean: Floats) -> None:
    tail = np.empty(period)
    anchor = values[start]
    for block in range(start, stop, period):
        end = block + period
        head = 0.0
        for k in range(min(period - 1, stop - block)):
            head += values[block + k] - anchor
            mean[block + k] = anchor + (tail[k + 1] + head) / period if block > start else np.nan
        if end <= stop:
            anchor = values[end - 1]
            total = 0.0
            for k in range(period - 1, -1, -1):
                total += values[block + k] - anchor
                tail[k] = total
            mean[end - 1] = anchor + total / period


@compiled
def _window_moments(  # noqa: PLR0913, PLR0917 - as _window_means, with one output more
    values: Floats, start: int, stop: int, period: int, mean: Floats, squares: Floats
) -> None:
    """Mean and sum of squared deviations from it, for the window ending at each row."""
    tail, tail_squares = np.empty(period), np.empty(period)
    anchor = values[start]
    for block in range(start, stop, period):
        end = block + period
        head, head_squares = 0.0, 0.0
        for k in range(min(period - 1, stop - block)):
            shifted = values[block + k] - anchor
            head += shifted
            head_squares += shifted * shifted
            if block > start:
                total = tail[k + 1] + head
                offset = total / period
                mean[block + k] = anchor + offset
                squares[block + k] = max(tail_squares[k + 1] + head_squares - total * offset, 0.0)
            else:
                mean[block + k] = np.nan
                squares[block + k] = np.nan
        if end <= stop:
            anchor = values[end - 1]
            total, total_squares = 0.0, 0.0
            for k in range(period - 1, -1, -1):
                shifted = values[block + k] - anchor
                total += shifted
                total_squares += shifted * shifted
                tail[k] = total
                tail_squares[k] = total_squares
            offset = total / period
            mean[end - 1] = anchor + offset
            squares[end - 1] = max(total_squares - total * offset, 0.0)


@compiled
def returns(offsets: Offsets, close: Floats, simple: Floats, log: Floats) -> None:
    """Simple and log return from the bar before."""
    for group in range(len(offsets) - 1):
        start, stop = offsets[group], offsets[group + 1]
        if start < stop:
            simple[start] = np.nan
            log[start] = np.nan
        for i in range(start + 1, stop):
            simple[i] = (close[i] - close[i - 1]) / close[i - 1]
            log[i] = _log_return(close[i], close[i - 1])


@compiled
def sma(offsets: Offsets, close: Floats, period: int, out: Floats) -> None:
    """Mean of the last `period` closes."""
    for group in range(len(offsets) - 1):
        start, stop = offsets[group], offsets[group + 1]
        if start < stop:
            _window_means(close, start, stop, period, out)


@compiled
def bollinger(  # noqa: PLR0913, PLR0917 - the kernels' common signature
    offsets: Offsets, close: Floats, period: int, width: float, lower: Floats, middle: Floats, upper: Floats
) -> None:
    """Mean of the last `period` closes, and `width` population standard deviations to either side."""
    for group in range(len(offsets) - 1):
        start, stop = offsets[group], offsets[group + 1]
        if start < stop:
            _window_moments(close, start, stop, period, middle, upper)
        for i in range(start, stop):
            reach = width * math.sqrt(upper[i] / period)
            lower[i] = middle[i] - reach
            upper[i] = middle[i] + reach


@compiled
def realised_volatility(offsets: Offsets, close: Floats, period: int, out: Floats) -> None:
    """Sample standard deviation of the last `period` log returns."""
    for group in range(len(offsets) - 1):
        start, stop = offsets[group], offsets[group + 1]
        if start == stop:
            continue
        out[start] = np.nan
        count = stop - start - 1
        if count == 0:
            continue
        changes, mean, squares = np.empty(count), np.empty(count), np.empty(count)
        for i in range(count):
            changes[i] = _log_return(close[start + i + 1], close[start + i])
        _window_moments(changes, 0, count, period, mean, squares)
        for i in range(count):
            out[start + i + 1] = math.sqrt(squares[i] / (period - 1))

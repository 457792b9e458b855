"""Moving windows: sums that neither drift nor cancel.

A running sum that adds the newest value and subtracts the oldest keeps every rounding error it ever
made, and for a variance it subtracts two large numbers. Instead a series is cut into blocks as long
as the window. A window ending inside a block is the tail of the block before plus the head of this
one, and both are sums that only ever add (van Herk 1992, Gil & Werman 1993, for minima). Values are
taken relative to an anchor that lies inside the window, so squares cancel at most period-fold
whatever the price level. Cost: two additions a row and sum, independent of the period.

Blocks begin at multiples of the period, counted from the series' first value, so that a series read
in pieces is cut at the same places. A piece must bring the `context_of(period)` values before it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.compiling import compiled

Floats = NDArray[np.float64]


def context_of(period: int) -> int:
    """Values before a row that its window needs: those of its block and of the block before."""
    return 2 * period - 2


@compiled
def log_return(value: float, before: float) -> float:
    """ln(value / before), with all digits of a small change."""
    # log(value / before) would round the quotient to 1e-16 of 1, which is 1e-9 of a tick at 60,000.
    return math.log1p((value - before) / before)


@compiled
def window_means(values: Floats, first: int, stop: int, position: int, period: int, mean: Floats) -> None:
    """Mean of the window that ends with each row from `first` to `stop`.

    `position` is the place of row `first` in the series, counted from 0. NaN where the window is not full, or
    not to be had from what lies between `first` and the row.
    """
    tail = np.empty(period)
    start = min(first + (-position) % period, stop)
    mean[first:start] = np.nan
    if start == stop:
        return
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
def window_moments(
    values: Floats, first: int, stop: int, position: int, period: int, mean: Floats, squares: Floats
) -> None:
    """As `window_means`; and into `squares` the sum of squared deviations from the mean."""
    tail, tail_squares = np.empty(period), np.empty(period)
    start = min(first + (-position) % period, stop)
    mean[first:start] = np.nan
    squares[first:start] = np.nan
    if start == stop:
        return
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

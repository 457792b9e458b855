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

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]

NEAR = 0.01


def context_of(period: int) -> int:
    """Values before a row that its window needs: those of its block and of the block before."""
    return 2 * period - 2


@compiled
def twice_artanh(share: float) -> float:
    """2 artanh(share) where share^2 < NEAR: the first term left out, share^16 / 17, is below 1e-17."""
    z = share * share
    series = 1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13 + z / 15)))
    return 2.0 * (share + share * z * (1 / 3 + z * (1 / 5 + z * series)))


@compiled
def log_return(value: float, before: float) -> float:
    """ln(value / before), with all digits whether the change is small or large; both are positive."""
    # log(value / before) would round the quotient to 1e-16 of 1, which is 1e-9 of a tick at 60,000. Moves of
    # less than a fifth, which nearly all are, go through ln(v / b) = 2 artanh((v - b) / (v + b)).
    share = (value - before) / (value + before)
    if share * share < NEAR:
        small: float = twice_artanh(share)
        return small
    # A large one has lost nothing to that rounding; of a crash to a millionth log1p would lose six digits.
    return math.log(value / before)


@compiled
def window_means(values: Floats, first: int, stop: int, position: int, period: int, mean: Floats) -> None:
    """Mean of the window that ends with each row from `first` to `stop`.

    `position` is the place of row `first` in the series, counted from 0. NaN where the window is not full, or
    not to be had from what lies between `first` and the row.
    """
    # Counting rows from 0 spares each access the question whether its index is negative.
    read, out = values[first:stop], mean[first:stop]
    rows = len(read)
    start = min((-position) % period, rows)
    out[: min(start + period - 1, rows)] = np.nan
    if not 0 <= start < rows:
        return
    tail, share = np.empty(period), 1.0 / period
    anchor = read[start]
    for block in range(start, rows, period):
        end = block + period
        if block > start:
            head = 0.0
            for k in range(min(period - 1, rows - block)):
                head += read[block + k] - anchor
                out[block + k] = anchor + (tail[k + 1] + head) * share
        if end <= rows:
            anchor = read[end - 1]
            total = 0.0
            for k in range(period - 1, -1, -1):
                total += read[block + k] - anchor
                tail[k] = total
            out[end - 1] = anchor + total * share


@compiled
def window_moments(
    values: Floats, first: int, stop: int, position: int, period: int, mean: Floats, squares: Floats
) -> None:
    """As `window_means`; and into `squares` the sum of squared deviations from the mean."""
    read, out, out_squares = values[first:stop], mean[first:stop], squares[first:stop]
    rows = len(read)
    start = min((-position) % period, rows)
    wait = min(start + period - 1, rows)
    out[:wait] = np.nan
    out_squares[:wait] = np.nan
    if not 0 <= start < rows:
        return
    tail, tail_squares, share = np.empty(period), np.empty(period), 1.0 / period
    anchor = read[start]
    for block in range(start, rows, period):
        end = block + period
        if block > start:
            head, head_squares = 0.0, 0.0
            for k in range(min(period - 1, rows - block)):
                shifted = read[block + k] - anchor
                head += shifted
                head_squares += shifted * shifted
                total = tail[k + 1] + head
                offset = total * share
                out[block + k] = anchor + offset
                out_squares[block + k] = max(tail_squares[k + 1] + head_squares - total * offset, 0.0)
        if end <= rows:
            anchor = read[end - 1]
            total, total_squares = 0.0, 0.0
            for k in range(period - 1, -1, -1):
                shifted = read[block + k] - anchor
                total += shifted
                total_squares += shifted * shifted
                tail[k] = total
                tail_squares[k] = total_squares
            offset = total * share
            out[end - 1] = anchor + offset
            out_squares[end - 1] = max(total_squares - total * offset, 0.0)

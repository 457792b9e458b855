"""Moving windows: how far the newest value lies from the mean, and the shape of the distribution.

The blocks and anchors of `tradepipe.indicators.kernels.windows`, with its arguments. At a price of 60,000 the mean
itself is rounded to 7e-12, a billionth of a cent: a deviation taken from the rounded mean would keep nine digits.
So it is taken before the anchor is added back.
"""

import math

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]


@compiled
def window_deviations(
    values: Floats, first: int, stop: int, position: int, period: int, deviation: Floats, squares: Floats
) -> None:
    """The newest value minus the window's mean, and the window's sum of squared deviations from its mean."""
    # Counted from 0, as in window_moments.
    read, away, out_squares = values[first:stop], deviation[first:stop], squares[first:stop]
    rows = len(read)
    start = min((-position) % period, rows)
    filling = min(start + period - 1, rows)
    away[:filling] = np.nan
    out_squares[:filling] = np.nan
    if not 0 <= start < rows:
        return
    tail, tail_squares, share = np.empty(period), np.empty(period), 1.0 / period
    anchor = read[start]
    for block in range(start, rows, period):
        if block > start:
            head, head_squares = 0.0, 0.0
            for k in range(min(period - 1, rows - block)):
                shifted = read[block + k] - anchor
                head += shifted
                head_squares += shifted * shifted
                total = tail[k + 1] + head
                offset = total * share
                away[block + k] = shifted - offset
                out_squares[block + k] = max(tail_squares[k + 1] + head_squares - total * offset, 0.0)
        if block + period <= rows:
            anchor = read[block + period - 1]
            total, total_squares = 0.0, 0.0
            for k in range(period - 1, -1, -1):
                shifted = read[block + k] - anchor
                total += shifted
                total_squares += shifted * shifted
                tail[k] = total
                tail_squares[k] = total_squares
            offset = total * share
            away[block + period - 1] = -offset
            out_squares[block + period - 1] = max(total_squares - total * offset, 0.0)


@compiled
def shape(total: float, squares: float, cubes: float, fourths: float, period: int) -> tuple[float, float]:
    """Skewness and excess kurtosis from sums of powers, NaN where nothing deviates."""
    mean, square, cube, fourth = total / period, squares / period, cubes / period, fourths / period
    variance = square - mean * mean
    if not variance > 0.0:
        return np.nan, np.nan
    third = cube - mean * (3.0 * square - 2.0 * mean * mean)
    last = fourth - mean * (4.0 * cube - mean * (6.0 * square - 3.0 * mean * mean))
    return third / (variance * math.sqrt(variance)), last / (variance * variance) - 3.0


@compiled
def window_shapes(
    values: Floats, first: int, stop: int, position: int, period: int, skewness: Floats, kurtosis: Floats
) -> None:
    """Skewness m3 / m2^1.5 and excess kurtosis m4 / m2^2 - 3 of each window, NaN where it is flat."""
    tail = np.empty((period, 4))
    start = min(first + (-position) % period, stop)
    filling = min(start + period - 1, stop)
    skewness[first:filling] = np.nan
    kurtosis[first:filling] = np.nan
    for block in range(start, stop, period):
        if block > start:
            anchor = values[block - 1]
            total, squares, cubes, fourths = 0.0, 0.0, 0.0, 0.0
            for k in range(min(period - 1, stop - block)):
                shifted = values[block + k] - anchor
                square = shifted * shifted
                total += shifted
                squares += square
                cubes += square * shifted
                fourths += square * square
                skewness[block + k], kurtosis[block + k] = shape(
                    tail[k + 1, 0] + total,
                    tail[k + 1, 1] + squares,
                    tail[k + 1, 2] + cubes,
                    tail[k + 1, 3] + fourths,
                    period,
                )
        last = block + period - 1
        if last < stop:
            anchor = values[last]
            total, squares, cubes, fourths = 0.0, 0.0, 0.0, 0.0
            for k in range(period - 1, -1, -1):
                shifted = values[block + k] - anchor
                square = shifted * shifted
                total += shifted
                squares += square
                cubes += square * shifted
                fourths += square * square
                tail[k, 0], tail[k, 1], tail[k, 2], tail[k, 3] = total, squares, cubes, fourths
            skewness[last], kurtosis[last] = shape(total, squares, cubes, fourths, period)

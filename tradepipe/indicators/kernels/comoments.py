"""Moving windows over two series, or over a series and the time: sums of products of deviations.

The blocks and anchors of `tradepipe.indicators.kernels.windows`, with its arguments: each series has an anchor of its
own inside the window, so a flat window has exactly no deviation and no product.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]


@compiled
def window_comoments(
    one: Floats,
    other: Floats,
    first: int,
    stop: int,
    position: int,
    period: int,
    one_squares: Floats,
    other_squares: Floats,
    products: Floats,
) -> None:
    """Sums of squared deviations of each series from its mean, and of the products of both deviations."""
    tail = np.empty((period, 5))
    share = 1.0 / period
    start = min(first + (-position) % period, stop)
    filling = min(start + period - 1, stop)
    one_squares[first:filling] = np.nan
    other_squares[first:filling] = np.nan
    products[first:filling] = np.nan
    for block in range(start, stop, period):
        if block > start:
            anchor, other_anchor = one[block - 1], other[block - 1]
            x, y, xx, yy, xy = 0.0, 0.0, 0.0, 0.0, 0.0
            for k in range(min(period - 1, stop - block)):
                u, v = one[block + k] - anchor, other[block + k] - other_anchor
                x += u
                y += v
                xx += u * u
                yy += v * v
                xy += u * v
                total, other_total = tail[k + 1, 0] + x, tail[k + 1, 1] + y
                one_squares[block + k] = max(tail[k + 1, 2] + xx - total * total * share, 0.0)
                other_squares[block + k] = max(tail[k + 1, 3] + yy - other_total * other_total * share, 0.0)
                products[block + k] = tail[k + 1, 4] + xy - total * other_total * share
        last = block + period - 1
        if last < stop:
            anchor, other_anchor = one[last], other[last]
            x, y, xx, yy, xy = 0.0, 0.0, 0.0, 0.0, 0.0
            for k in range(period - 1, -1, -1):
                u, v = one[block + k] - anchor, other[block + k] - other_anchor
                x += u
                y += v
                xx += u * u
                yy += v * v
                xy += u * v
                tail[k, 0], tail[k, 1], tail[k, 2], tail[k, 3], tail[k, 4] = x, y, xx, yy, xy
            one_squares[last] = max(xx - x * x * share, 0.0)
            other_squares[last] = max(yy - y * y * share, 0.0)
            products[last] = xy - x * y * share


@compiled
def window_regression(
    values: Floats, first: int, stop: int, position: int, period: int, slope: Floats, determination: Floats
) -> None:
    """Least-squares slope a row of each window over time, and its R squared: NaN where the window is flat."""
    read, slopes, fits = values[first:stop], slope[first:stop], determination[first:stop]
    rows = len(read)
    start = min((-position) % period, rows)
    filling = min(start + period - 1, rows)
    slopes[:filling] = np.nan
    fits[:filling] = np.nan
    if not 0 <= start < rows:
        return
    tail, tail_squares, tail_products = np.empty(period), np.empty(period), np.empty(period)
    share, half = 1.0 / period, 0.5 * (period - 1)
    times = period * (period * period - 1.0) / 12.0  # sum of squared deviations of `period` rows in a row
    anchor = read[start]
    # Times count from the middle of the window, so a value's moves by one with every row: products are not summed
    # anew, the sums of the values before (`past`) are taken off those of the head and added to those of the tail.
    for block in range(start, rows, period):
        if block > start:
            head, head_squares, past = 0.0, 0.0, 0.0
            for k in range(min(period - 1, rows - block)):
                shifted = read[block + k] - anchor
                past += head
                head += shifted
                head_squares += shifted * shifted
                total = tail[k + 1] + head
                slopes[block + k] = (tail_products[k + 1] - past) + half * head
                fits[block + k] = tail_squares[k + 1] + head_squares - total * total * share
        last = block + period - 1
        if last < rows:
            anchor = read[last]
            total, squares, past = 0.0, 0.0, 0.0
            for k in range(period - 1, -1, -1):
                shifted = read[block + k] - anchor
                past += total
                total += shifted
                squares += shifted * shifted
                tail[k], tail_squares[k], tail_products[k] = total, squares, past - half * total
            slopes[last] = past - half * total
            fits[last] = squares - total * total * share
    # Until here the sums of products and of squares; a loop without a recursion goes several rows at a time.
    per_row = 1.0 / times
    for i in range(rows):
        product = slopes[i]
        fits[i] = min(product * product / (times * max(fits[i], 0.0)), 1.0)
        slopes[i] = product * per_row

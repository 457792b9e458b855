"""Linearly weighted means of moving windows, without drift.

As in `tradepipe.indicators.kernels.windows`: blocks as long as the window, sums that begin anew in each, values
relative to an anchor inside the window. The sum of a tail gives its first value the weight 1. In the sum of a head
the newest value weighs `period`, and each older one a part less with every row, which is its plain sum taken off.
"""

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels.windows import Floats


@compiled
def window_weighted(values: Floats, first: int, stop: int, position: int, period: int, out: Floats) -> None:
    """Mean with weights 1 (oldest) to `period` (newest) of the window that ends with each row from `first` to `stop`.

    `position` is the place of row `first` in the series, counted from 0. NaN where the window is not full, or
    not to be had from what lies between `first` and the row; `windows.context_of(period)` rows before it are enough.
    """
    # Counting rows from 0 spares each access the question whether its index is negative.
    read, out = values[first:stop], out[first:stop]
    rows = len(read)
    start = min((-position) % period, rows)
    out[: min(start + period - 1, rows)] = np.nan
    if not 0 <= start < rows:
        return
    tail, share, most = np.empty(period), 2.0 / (period * (period + 1.0)), float(period)
    anchor = read[start]
    for block in range(start, rows, period):
        end = block + period
        if block > start:
            plain, falling = 0.0, 0.0
            for k in range(min(period - 1, rows - block)):
                shifted = read[block + k] - anchor
                falling += most * shifted - plain
                plain += shifted
                out[block + k] = anchor + (tail[k + 1] + falling) * share
        if end <= rows:
            anchor = read[end - 1]
            plain, rising = 0.0, 0.0
            for k in range(period - 1, -1, -1):
                plain += read[block + k] - anchor
                rising += plain
                tail[k] = rising
            out[end - 1] = anchor + rising * share

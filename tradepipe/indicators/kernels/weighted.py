"""Linearly weighted means of moving windows, without drift.

As in `tradepipe.indicators.kernels.windows`: blocks as long as the window, sums that only ever add, values
relative to an anchor inside the window. The weights of a window slide with it, so the sum of a tail gives
its first value the weight 1, and the sum of a head is raised by the length of the tail.
"""

import numpy as np

from tradepipe.indicators.compiling import compiled
from tradepipe.indicators.kernels.windows import Floats


@compiled
def window_weighted(values: Floats, first: int, stop: int, position: int, period: int, out: Floats) -> None:
    """Mean with weights 1 (oldest) to `period` (newest) of the window that ends with each row from `first` to `stop`.

    `position` is the place of row `first` in the series, counted from 0. NaN where the window is not full, or
    not to be had from what lies between `first` and the row; `windows.context_of(period)` rows before it are enough.
    """
    start = min(first + (-position) % period, stop)
    out[first:start] = np.nan
    if start == stop:
        return
    tail = np.empty(period)
    share = 2.0 / (period * (period + 1.0))
    anchor = values[start]
    for block in range(start, stop, period):
        end = block + period
        plain, rising = 0.0, 0.0
        for k in range(min(period - 1, stop - block)):
            shifted = values[block + k] - anchor
            rising += (k + 1) * shifted
            plain += shifted
            out[block + k] = (
                anchor + share * (tail[k + 1] + ((period - 1 - k) * plain + rising)) if block > start else np.nan
            )
        if end <= stop:
            anchor = values[end - 1]
            plain, rising = 0.0, 0.0
            for k in range(period - 1, -1, -1):
                plain += values[block + k] - anchor
                rising += plain
                tail[k] = rising
            out[end - 1] = anchor + share * rising

"""Sums of moving windows of numbers that are summed as they are.

The blocks of `tradepipe.indicators.kernels.windows` without its anchor: flows lie around zero, and zeros must add
to exactly zero.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.compiling import compiled

Floats = NDArray[np.float64]


@compiled
def window_sums(values: Floats, first: int, stop: int, position: int, period: int, total: Floats) -> None:
    """Sum of the window that ends with each row from `first` to `stop`; the arguments are those of `window_means`."""
    tail = np.empty(period)
    start = min(first + (-position) % period, stop)
    total[first : min(start + period - 1, stop)] = np.nan
    for block in range(start, stop, period):
        if block > start:
            head = 0.0
            for k in range(min(period - 1, stop - block)):
                head += values[block + k]
                total[block + k] = tail[k + 1] + head
        if block + period <= stop:
            behind = 0.0
            for k in range(period - 1, -1, -1):
                behind += values[block + k]
                tail[k] = behind
            total[block + period - 1] = behind

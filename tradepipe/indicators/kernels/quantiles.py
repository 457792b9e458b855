"""Quantiles of moving windows, from a window that is kept in order."""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]


@compiled
def place_of(value: float, ordered: Floats, count: int) -> int:
    """How many of the first `count` values of `ordered` are below `value`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def window_quantiles(values: Floats, first: int, stop: int, period: int, quantile: float, out: Floats) -> None:
    """The quantile of the window that ends with each row, between its neighbours in proportion (numpy's `linear`).

    NaN where fewer than `period` rows lie between `first` and the row. A row costs two searches and the shift of the
    values between the leaving and the arriving one: few of them, for prices change little in a bar.
    """
    ordered = np.empty(period)
    rank = (period - 1) * quantile
    below = min(int(rank), period - 2)
    between = rank - below
    for i in range(first, stop):
        count = i - first
        value = values[i]
        if count < period:
            gap = count
        else:
            count = period
            gap = place_of(values[i - period], ordered, period)
        # The gap moves to where the arriving value belongs.
        while gap > 0 and ordered[gap - 1] > value:
            ordered[gap] = ordered[gap - 1]
            gap -= 1
        while gap + 1 < count and ordered[gap + 1] < value:
            ordered[gap] = ordered[gap + 1]
            gap += 1
        ordered[gap] = value
        if i - first >= period - 1:
            out[i] = ordered[below] + between * (ordered[below + 1] - ordered[below])
        else:
            out[i] = np.nan

"""Highest and lowest values of moving windows, in three comparisons a row whatever the period.

Source: van Herk (1992), Pattern Recognition Letters 13; Gil & Werman (1993), IEEE PAMI 15. A piece of a series
must bring the period - 1 values before its first row.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.compiling import compiled

Floats = NDArray[np.float64]


@compiled
def window_maxima(values: Floats, first: int, stop: int, period: int, out: Floats) -> None:
    """Highest value of the window that ends with each row from `first` to `stop`.

    NaN where fewer than `period` rows lie between `first` and the row.
    """
    tail = np.empty(period)
    for block in range(first, stop, period):
        head = -np.inf
        for k in range(min(period - 1, stop - block)):
            head = max(head, values[block + k])
            out[block + k] = max(tail[k + 1], head) if block > first else np.nan
        if block + period <= stop:
            highest = -np.inf
            for k in range(period - 1, -1, -1):
                highest = max(highest, values[block + k])
                tail[k] = highest
            out[block + period - 1] = highest


@compiled
def window_minima(values: Floats, first: int, stop: int, period: int, out: Floats) -> None:
    """As `window_maxima`, the lowest value."""
    tail = np.empty(period)
    for block in range(first, stop, period):
        head = np.inf
        for k in range(min(period - 1, stop - block)):
            head = min(head, values[block + k])
            out[block + k] = min(tail[k + 1], head) if block > first else np.nan
        if block + period <= stop:
            lowest = np.inf
            for k in range(period - 1, -1, -1):
                lowest = min(lowest, values[block + k])
                tail[k] = lowest
            out[block + period - 1] = lowest

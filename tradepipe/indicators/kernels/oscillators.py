"""Where values lie in a range, and the short means that smooth it."""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]

BLOCK = 256


@compiled
def short_means(values: Floats, period: int, out: Floats) -> None:
    """Mean of the window that ends with each value, added oldest first; NaN where it is not full or holds NaN.

    Costs `period` additions a row, but many rows are added at once, and a window depends on nothing but its
    own values: zeros give zero, and one NaN spoils no others.
    """
    rows = len(values) - period + 1
    out[: min(period - 1, len(values))] = np.nan
    if rows > 0:
        means = out[period - 1 :]
        means[:] = values[:rows]
        for age in range(1, period):
            newer = values[age:]
            for i in range(rows):
                means[i] += newer[i]
        for i in range(rows):
            means[i] /= period


@compiled
def places_in_range(close: Floats, highest: Floats, lowest: Floats, out: Floats) -> None:
    """100 times where each close lies between lowest (0) and highest (1); NaN where they are equal or NaN."""
    for i in range(len(close)):
        span = highest[i] - lowest[i]
        place = 100.0 * ((close[i] - lowest[i]) / span)
        out[i] = place if span > 0.0 else np.nan


@compiled
def mean_deviations(values: Floats, offset: Floats, period: int, out: Floats) -> None:
    """Mean absolute deviation of the window that ends with each value; NaN where it is not full.

    `offset` holds the windows' means, less their last value. Added up for many windows at once: their terms are
    independent, so the processor takes several in one step, and each window's still come oldest first.
    """
    out[: period - 1] = np.nan
    for block in range(period - 1, len(values), BLOCK):
        stop = min(block + BLOCK, len(values))
        last, shift, total = values[block:stop], offset[block:stop], out[block:stop]
        total[:] = 0.0
        for age in range(period - 1, -1, -1):
            value = values[block - age : stop - age]
            for i in range(len(total)):
                total[i] += abs((value[i] - last[i]) - shift[i])
        for i in range(len(total)):
            total[i] /= period

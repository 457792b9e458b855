"""Recursive averages, seeded as TA-Lib does: with the simple mean of the first `period` values.

The step is `average += weight * (value - average)`: an average that equals its input stays exactly
where it is, and there is no division to wait for.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]

FADED = 1e-300
"""An average that has faded to this is none: below 1e-308 floats have ever fewer digits, and ratios no meaning."""


@compiled
def seeded_average(
    values: Floats, start: int, stop: int, seen: int, period: int, weight: float, average: float, out: Floats
) -> float:
    """Averages of rows `start` to `stop` into `out`, NaN before the seed.

    `seen` counts the values before row `start`; `average` is what the call for those returned (0.0 when there
    were none): their sum before the seed, their average after it.
    """
    row = start
    while row < stop and seen < period:
        average += values[row]
        seen += 1
        out[row] = np.nan
        if seen == period:
            average /= period
            out[row] = average
        row += 1
    for i in range(row, stop):
        average += weight * (values[i] - average)
        out[i] = average
    return average


@compiled
def true_range(high: float, low: float, close_before: float) -> float:
    """The widest of high - low, |high - close before| and |low - close before| (Wilder 1978)."""
    return max(high - low, abs(high - close_before), abs(low - close_before))

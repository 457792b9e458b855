"""A recursive average after its seed, two rows at a time.

`average' = keep * average + weight * value` makes every row wait for the one before. Written out over two rows,
`keep**2 * average + (keep * weight * value + weight * next)`, the chain has half the links; the terms in parentheses
wait for nothing. The two forms round differently, in the last digit, which an average forgets like all else.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]


@compiled
def fading_average(values: Floats, average: float, weight: float, out: Floats) -> float:
    """Averages with each of `values`, into `out`, going on from `average`; returns the last."""
    keep = 1.0 - weight
    even = len(values) - len(values) % 2
    for i in range(0, even, 2):
        both = keep * weight * values[i] + weight * values[i + 1]
        out[i] = keep * average + weight * values[i]
        average = keep * keep * average + both
        out[i + 1] = average
    for i in range(even, len(values)):
        average = keep * average + weight * values[i]
        out[i] = average
    return average


@compiled
def true_ranges(high: Floats, low: Floats, close: Floats, before: float, out: Floats) -> None:
    """The true range of each bar, the close before the first of them being `before`."""
    if len(out) == 0:
        return
    out[0] = max(high[0] - low[0], abs(high[0] - before), abs(low[0] - before))
    highs, lows, ranges = high[1:], low[1:], out[1:]
    for i in range(len(ranges)):
        ranges[i] = max(highs[i] - lows[i], abs(highs[i] - close[i]), abs(lows[i] - close[i]))

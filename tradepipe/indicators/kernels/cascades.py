"""Recursive averages one bar at a time, for averages of averages and differences of averages.

The step is that of `tradepipe.indicators.kernels.recursions`, and so is the seed: the simple mean of the first values.
"""

import math

from tradepipe.compiling import compiled

NEGLIGIBLE_SHARE = 1e-14
"""Differences of averages are some hundredths of the averages: their seeds have to fade further than to 1e-12."""


@compiled
def seeded_step(average: float, value: float, seen: int, period: int, weight: float) -> float:
    """The average after `value`, before which it has seen `seen` values; before the seed their sum.

    A negative `seen` is a value before the first one to count: it leaves the average at zero.
    """
    if seen >= period:
        return average + weight * (value - average)
    if seen < 0:
        return 0.0
    total = average + value
    return total / period if seen == period - 1 else total


def cascade_lookback(period: int, depth: int) -> int:
    """Bars until `depth` exponential averages, each of the one before, have forgotten their seeds.

    What is left of the start after n bars is the chance of fewer than `depth` successes in n trials of
    probability 2 / (period + 1). An average of period 1 forgets at once.
    """
    weight = 2 / (period + 1)
    n = depth * period
    while _share_of_the_start(n, weight, depth) > NEGLIGIBLE_SHARE:
        n += 1 + n // 64
    return depth * (period - 1) + n


def _share_of_the_start(bars: int, weight: float, depth: int) -> float:
    return sum(math.comb(bars, k) * weight**k * (1 - weight) ** (bars - k) for k in range(depth)) if weight < 1 else 0.0

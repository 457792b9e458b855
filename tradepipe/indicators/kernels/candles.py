"""What candles are compared with: the mean body or range of the candles before, and when two lengths are equal.

A pattern is a yes or a no, so a comparison must not be decided by rounding. Prices are decimals and a
double holds them to one part in 2^53: lengths that are equal in decimals differ by a few such parts of
the price. Every length therefore leans by 2^-50 of its price, to the side that lets equal lengths count as
equal: UNDER where a comparison wants strictly less, OVER elsewhere. That is more than all roundings
of a comparison together and, with a price below 10^12 ticks, less than any decimal difference.

Means are of the 10 or 5 candles before, each time summed anew in the same order: they neither drift nor depend
on how a series is split.

Source: TA-Lib (2004), `TA_CandleSettings`, its defaults and `ta_utility.h`.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, STOP

Floats = NDArray[np.float64]

UNDER, OVER = -1.0, 1.0
"""The side to which a mean leans: under for `length < mean`, over for `length > mean` and `length <= mean`."""
PART = 2.0**-50
CHUNK = 1024
"""Rows at once where lengths are kept for a while: few enough to stay in the nearest cache."""


@compiled
def judged(series: NDArray[np.int64], g: int, before: int, out: Floats) -> tuple[int, int]:
    """The rows of series `g` to compute that have `before` candles before them; NaN in `out` for the others."""
    fresh, stop = series[g, FRESH], series[g, STOP]
    start: int = min(max(fresh, series[g, FIRST] + before), stop)
    out[fresh:start] = np.nan
    return start, stop


@compiled
def tie(high: float, low: float) -> float:
    """Below how much two lengths at these prices are one."""
    return PART * (abs(high) + abs(low))


@compiled
def mean_body(opens: Floats, highs: Floats, lows: Floats, closes: Floats, i: int, lean: float) -> float:
    """Mean body of the ten candles before row `i`, leaning."""
    total = 0.0
    for k in range(i - 10, i):
        total += abs(closes[k] - opens[k]) + lean * tie(highs[k], lows[k])
    return total / 10


@compiled
def mean_range(highs: Floats, lows: Floats, i: int, count: int, lean: float) -> float:
    """Mean distance from low to high of the `count` candles before row `i`, leaning."""
    total = 0.0
    for k in range(i - count, i):
        total += highs[k] - lows[k] + lean * tie(highs[k], lows[k])
    return total / count


@compiled
def very_short(highs: Floats, lows: Floats, i: int) -> float:
    """What a very short shadow of row `i` is shorter than: a tenth of the mean range before, leaning under."""
    shortest: float = 0.1 * mean_range(highs, lows, i, 10, UNDER) - tie(highs[i], lows[i])
    return shortest


@compiled
def bodies(lean: float, opens: Floats, highs: Floats, lows: Floats, closes: Floats, lengths: Floats) -> None:
    """Lengths of the bodies of a few rows into `lengths`, leaning: for comparisons that every row comes to."""
    for k in range(len(opens)):
        lengths[k] = abs(closes[k] - opens[k]) + lean * (PART * (abs(highs[k]) + abs(lows[k])))


@compiled
def ranges(lean: float, highs: Floats, lows: Floats, lengths: Floats) -> None:
    """Distances from low to high of a few rows into `lengths`, leaning: as `bodies`."""
    for k in range(len(highs)):
        lengths[k] = highs[k] - lows[k] + lean * (PART * (abs(highs[k]) + abs(lows[k])))


@compiled
def mean_from(lengths: Floats, k: int) -> float:
    """Mean of the ten lengths from place `k` on."""
    older = (lengths[k] + lengths[k + 1]) + (lengths[k + 2] + lengths[k + 3]) + lengths[k + 4]
    newer = (lengths[k + 5] + lengths[k + 6]) + (lengths[k + 7] + lengths[k + 8]) + lengths[k + 9]
    mean: float = (older + newer) / 10
    return mean

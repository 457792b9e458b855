"""Where the search starts beside the grid of `starts`: pairs of roots near the unit circle, at any frequency.

An autoregression and a moving average of order 2 or more may nearly cancel in a pair of roots close to the circle: a
narrow peak or notch of the spectrum. Each frequency where the series has a little more or less than elsewhere is an
optimum of its own, 1 - rho wide; the grid is far too coarse for them, and the best optimum of returns mostly is one.
As in `starts`, with theta given the autoregression is least squares; here from a first state of zero and without a
mean, since such pairs are far from frequency 0.
"""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.deepest import keep_deepest
from tradepipe.forecasting.batched.polynomials import Floats, set_point
from tradepipe.forecasting.batched.profiles import LANES

FREQUENCIES = 400
RADIUS = 0.99
"""Of the ring's roots. Frequencies lie closer to each other than optima do at that radius."""

PLACES = 8
"""Most optima that the ring proposes."""

_LARGEST = 0.9993


@compiled
def ring(w: Floats, n: int, points: Floats, first: int) -> int:
    """Write the ring's deepest local minima, at most PLACES, into `points` from row `first` on; return how many.

    Args:
        w: (>= n,) the series, mean near 0.
        n: observations.
        points: (>= first + PLACES, 6), written.
        first: row.
    """
    scores, phi, lanes = np.zeros(FREQUENCIES), np.zeros((FREQUENCIES, 2)), np.zeros((6, LANES))
    step, square = math.pi / FREQUENCIES, RADIUS * RADIUS
    for begin in range(0, FREQUENCIES, LANES):
        lanes[:] = 0.0
        for g in range(LANES):
            lanes[0, g] = -2.0 * RADIUS * math.cos((begin + g + 0.5) * step)
        for t in range(n):
            now = w[t]
            for g in range(LANES):
                x1, x2 = lanes[1, g], lanes[2, g]
                x0 = (now - square * x2) - lanes[0, g] * x1
                lanes[3, g] += x0 * x0
                lanes[4, g] += x0 * x1
                lanes[5, g] += x0 * x2
                lanes[1, g], lanes[2, g] = x0, x1
        for g in range(LANES):
            x1, x2 = lanes[1, g], lanes[2, g]
            own, by_one, by_two = lanes[3, g], lanes[4, g], lanes[5, g]
            one = own - x1 * x1
            two, crossed = one - x2 * x2, by_one - x1 * x2
            divisor = one * two - crossed * crossed
            if divisor > 0.0:
                phi[begin + g, 0] = (by_one * two - by_two * crossed) / divisor
                phi[begin + g, 1] = (by_two * one - by_one * crossed) / divisor
            scores[begin + g] = own - phi[begin + g, 0] * by_one - phi[begin + g, 1] * by_two
    best, found = np.zeros(PLACES, np.int64), 0
    for index in range(FREQUENCIES):
        score = scores[index]
        if (index > 0 and scores[index - 1] < score) or (index < FREQUENCIES - 1 and scores[index + 1] <= score):
            continue
        if abs(score) < math.inf:
            found = keep_deepest(scores, index, best, found, PLACES)
    coefficients = np.zeros(6)
    for k in range(found):
        coefficients[0], coefficients[1] = phi[best[k], 0], phi[best[k], 1]
        coefficients[3], coefficients[4] = -2.0 * RADIUS * math.cos((best[k] + 0.5) * step), square
        set_point(coefficients, points[first + k], _LARGEST)
    return found


@compiled
def is_other_frequency(point: Floats, other: Floats) -> bool:
    """Whether the moving averages of two points are pairs of roots so far apart that a search joins them hardly."""
    # tanh of the coordinate is the cosine of about the frequency
    return abs(math.acos(math.tanh(point[3])) - math.acos(math.tanh(other[3]))) > 2.0 * math.pi / FREQUENCIES

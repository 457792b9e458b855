"""Where the search starts: the best basins of a profiled likelihood over a grid of MA polynomials.

With theta given, x = w / theta(B) is an autoregression whose coefficients are linear least squares (variable
projection), so only theta needs a grid. The grid's points run side by side as SIMD lanes: a whole grid of 16
costs about as much as two evaluations of the likelihood. Its local minima are the starts, the deepest first:
the likelihood of returns has several, near cancelling roots.
"""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.deepest import keep_deepest
from tradepipe.forecasting.batched.likelihood import value_at
from tradepipe.forecasting.batched.polynomials import Floats, Integers, set_coefficients
from tradepipe.forecasting.batched.profiles import COLUMNS, LANES, SUMS, gather_lane, run_lanes, settle_lane
from tradepipe.forecasting.batched.rings import is_other_frequency, ring

GRID_1 = (-6.0, -4.2, -3.3, -2.6, -2.0, -1.5, -0.9, -0.3, 0.3, 0.9, 1.5, 2.0, 2.6, 3.3, 4.2, 6.0)
"""atanh of the MA partial autocorrelation, order 1."""

GRID_2 = (-2.2, -1.4, -0.8, -0.25, 0.25, 0.8, 1.4, 2.2)
"""Of each of the two, order 2."""

GRID_3 = (-1.6, -0.6, 0.6, 1.6)
"""Of each of the three, order 3."""

GRID = 64
"""Points of the largest grid; those of the ring come behind."""

PAIRS = 4
"""Cold starts that there are more of where the ring proposes some."""

WORTH_OF_PAIRS = 8.0
"""As WORTH, where the ring proposes some: its own radius is often far from that of the optimum."""

WORTH = 3.0
"""Nats by which a basin's first score may lie above the best end so far and still be worth a search."""

NEAR = 0.5
"""Nats within which a basin's first score makes it worth a search at every refit beside a warm start: of 97 basins of
returns that undercut one, 92 lay there."""

SELDOM = 4
"""At every so manyth refit one of the others is searched too."""

_OUT = 3.5
"""Beyond it a coordinate leads to the edge, wherever it begins."""

_APART = 0.5
"""Distance in coordinates below which a basin is the one that a search has just come out of."""


@compiled
def grid_size(q: int) -> int:
    """Points of the grid."""
    return 1 if q == 0 else (16 if q == 1 else 64)


@compiled
def _grid_point(index: int, q: int, place: int) -> float:
    """Coordinate `place` of grid point `index`."""
    if q <= place:
        return 0.0
    if q == 1:
        return GRID_1[index]
    if q == 2:
        return GRID_2[(index // 8) if place == 0 else (index % 8)]
    digit = (index // 16) if place == 0 else ((index // 4) % 4 if place == 1 else index % 4)
    return GRID_3[digit]


@compiled
def screen(w: Floats, n: int, p: int, q: int, lanes: Floats, points: Floats, scores: Floats) -> None:
    """Write the start of every grid point and about the least that `value_at` is with its theta.

    Args:
        w: (>= n,) the series, mean near 0.
        n: observations.
        p: order of the autoregression, 0 to 3.
        q: order of the moving average, 0 to 3.
        lanes: (11, LANES) scratch: theta (3), lags of x (3), autocovariances (4), spare.
        points: (grid_size(q), 6), written.
        scores: (grid_size(q),), written.
    """
    size, r = grid_size(q), max(p, q, 1)
    sums, products, whole = np.zeros((SUMS, LANES)), np.zeros((COLUMNS, COLUMNS)), np.zeros((COLUMNS, COLUMNS))
    small, coefficients = np.zeros((10, 3, 3)), np.zeros(6)
    for first in range(0, size, LANES):
        count = min(LANES, size - first)
        lanes[:] = 0.0
        for g in range(count):
            k1, k2 = math.tanh(_grid_point(first + g, q, 0)), math.tanh(_grid_point(first + g, q, 1))
            k3 = math.tanh(_grid_point(first + g, q, 2))
            lanes[0, g] = -(k1 * (1.0 - k2) - k3 * k2)
            lanes[1, g] = -(k2 - k3 * k1 * (1.0 - k2))
            lanes[2, g] = -k3
        if p <= 1 and q == 1:
            _run_first(w, n, lanes)
        else:
            run_lanes(w, n, lanes, sums)
        for g in range(count):
            if p <= 1 and q == 1:
                _settle_first(lanes, g, n, p, points[first + g], scores, first + g)
            else:
                for place in range(3):
                    coefficients[3 + place] = lanes[place, g]
                gather_lane(sums, g, n, p, r, products)
                scores[first + g] = settle_lane(products, whole, n, p, r, small, coefficients, points[first + g])
            for place in range(3):
                points[first + g, 3 + place] = _grid_point(first + g, q, place)


@compiled
def _run_first(w: Floats, n: int, lanes: Floats) -> None:
    """All lanes of an MA(1) through the series, with the sums of x, x lagged and pi = 1, -theta, theta^2, ..."""
    for g in range(LANES):
        lanes[4, g] = 1.0
    for t in range(n):
        now = w[t]
        for g in range(LANES):
            x1, pi = lanes[3, g], lanes[4, g]
            x0 = now - lanes[0, g] * x1
            lanes[6, g] += x0 * x0
            lanes[7, g] += x0 * x1
            lanes[8, g] += x0
            lanes[9, g] += x0 * pi
            lanes[3, g] = x0
            lanes[4, g] = -lanes[0, g] * pi


@compiled
def _settle_first(lanes: Floats, g: int, n: int, p: int, point: Floats, scores: Floats, index: int) -> None:
    """The best AR(1), mean and first state of one lane of an MA(1), and about its exact likelihood.

    Given theta, e(t) = x(t) - phi x(t-1) - m - c pi(t) is linear in phi, m and c. Without m and c the basins
    near theta = -1 and 1 are not seen: there the filter forgets no start and sums a wrong mean up to a trend.
    """
    theta, x0, last = lanes[0, g], lanes[3, g], lanes[4, g]
    pi = -last / theta if theta != 0.0 else 0.0
    pi_sum = (1.0 - last) / (1.0 + theta)
    pi_squares = (1.0 - last * last) / ((1.0 - theta) * (1.0 + theta))
    lagged_squares, lagged_sum = lanes[6, g] - x0 * x0, lanes[8, g] - x0
    lagged_pi = -theta * (lanes[9, g] - x0 * pi)
    # Sums of products less what 1 and pi explain of them.
    divisor = n * pi_squares - pi_sum * pi_sum
    pi_by_x = lanes[9, g] - pi_sum * lanes[8, g] / n
    pi_by_lag = lagged_pi - pi_sum * lagged_sum / n
    shrunk = divisor / n
    yy = lanes[6, g] - lanes[8, g] ** 2 / n - pi_by_x**2 / shrunk
    yx = lanes[7, g] - lanes[8, g] * lagged_sum / n - pi_by_x * pi_by_lag / shrunk
    xx = lagged_squares - lagged_sum**2 / n - pi_by_lag**2 / shrunk
    phi = min(max(yx / xx, -0.999), 0.999) if p > 0 and xx > 0.0 else 0.0
    left = yy - 2.0 * phi * yx + phi * phi * xx
    first = (pi_by_x - phi * pi_by_lag) / shrunk
    start = (phi + theta) ** 2 / (1.0 - phi * phi)
    left += first * first / (start + 1.0 / shrunk)
    point[0], point[1], point[2] = math.atanh(phi), 0.0, 0.0
    scores[index] = 0.5 * (n * math.log(left / n) + math.log1p(start * pi_squares)) if left > 0.0 else math.inf


@compiled
def choose(q: int, scores: Floats, limit: int, chosen: Integers) -> int:
    """Write the indices of the deepest local minima of the grid, at most `limit`; return how many."""
    size, found = grid_size(q), 0
    side = 16 if q == 1 else (8 if q == 2 else 4)
    for index in range(size):
        score = scores[index]
        lowest = score < math.inf
        stride = 1
        for _ in range(q):
            digit = (index // stride) % side
            if digit > 0 and scores[index - stride] < score:
                lowest = False
            if digit < side - 1 and scores[index + stride] <= score:
                lowest = False
            stride *= side
        if lowest:
            found = keep_deepest(scores, index, chosen, found, limit)
    return found


@compiled
def add_ring(
    p: int,
    q: int,
    with_mean: bool,  # noqa: FBT001 - compiled
    n: int,
    limit: int,
    work: Floats,
    small: Floats,
    found: Floats,
    points: Floats,
    scores: Floats,
    chosen: Integers,
    count: int,
) -> int:
    """Put the ring's places among the `count` chosen of the grid, deepest first by their exact value.

    Args:
        p: order of the autoregression.
        q: order of the moving average.
        with_mean: whether a mean is estimated.
        n: observations in `work[0]`.
        limit: most places chosen.
        work: see `likelihood`.
        small: see `likelihood`.
        found: see `likelihood`.
        points: (GRID + PLACES, 6), those of the ring are written.
        scores: (GRID + PLACES,), of what was chosen replaced by the exact value.
        chosen: (GRID + PLACES,), changed.
        count: how many the grid has.

    Returns:
        How many are chosen now.
    """
    coefficients, size = np.zeros(6), count
    for k in range(ring(work[0], n, points, GRID)):
        chosen[size] = GRID + k
        size += 1
    for k in range(size):
        place = chosen[k]
        set_coefficients(points[place], coefficients)
        scores[place] = value_at(coefficients, max(p, q, 1), with_mean, n, work, small, found)
        at = k
        while at > 0 and scores[chosen[at - 1]] > scores[place]:
            chosen[at] = chosen[at - 1]
            at -= 1
        chosen[at] = place
    kept: int = min(size, limit)
    return kept


@compiled
def keep_rivals(
    q: int,
    points: Floats,
    scores: Floats,
    point: Floats,
    value: float,
    rotation: int,
    limit: int,
    chosen: Integers,
    count: int,
) -> int:
    """Leave in `chosen` the basins to be searched beside a warm start that ended at `point`; return how many.

    Those that lie near `value`, deepest first, at most `limit`; at every SELDOM-th refit also one of the others that
    may undercut it, each in its turn.

    Args:
        q: order of the moving average.
        points: see `screen`.
        scores: see `screen`.
        point: (6,) where the search from a warm start ended.
        value: there.
        rotation: number of the refit.
        limit: most basins.
        chosen: indices of basins, deepest first, changed.
        count: how many.
    """
    kept = near = 0
    for k in range(count):
        place, distance = chosen[k], 0.0
        for i in range(3, 3 + q):
            there, here = min(max(points[place, i], -_OUT), _OUT), min(max(point[i], -_OUT), _OUT)
            distance = max(distance, abs(there - here))
        apart = is_other_frequency(points[place], point) if place >= GRID else distance > _APART
        if scores[place] < value + WORTH and apart:
            chosen[kept] = place
            kept += 1
            near += scores[place] < value + NEAR
    tried = min(near, limit)
    if rotation % SELDOM == 0 and near < kept and tried < limit:
        chosen[tried] = chosen[near + rotation // SELDOM % (kept - near)]
        tried += 1
    return tried

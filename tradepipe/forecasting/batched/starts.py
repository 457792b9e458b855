"""Where the search starts: the best basins of the conditional sum of squares over a grid of MA polynomials.

With theta given, x = w / theta(B) is an autoregression whose coefficients are linear least squares (variable
projection), so only theta needs a grid. The grid's points run side by side as SIMD lanes: a whole grid of 16 costs about
as much as one evaluation of the likelihood. Its local minima are the starts, the deepest first: the likelihood of
returns has several, near cancelling roots.
"""

import math

from tradepipe.indicators.compiling import compiled

LANES = 16

GRID_1 = (-2.6, -1.9, -1.5, -1.1, -0.8, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.8, 1.1, 1.5, 1.9, 2.6)
"""atanh of the MA partial autocorrelation, order 1."""

GRID_2 = (-2.2, -1.4, -0.8, -0.25, 0.25, 0.8, 1.4, 2.2)
"""Of each of the two, order 2."""

GRID_3 = (-1.6, -0.6, 0.6, 1.6)
"""Of each of the three, order 3."""


@compiled
def grid_size(q):  # type: ignore[no-untyped-def]
    """Points of the grid."""
    return 1 if q == 0 else (16 if q == 1 else 64)  # noqa: PLR2004 - the order


@compiled
def _grid_point(index, q, place):  # type: ignore[no-untyped-def]
    """Coordinate `place` of grid point `index`."""
    if q <= place:
        return 0.0
    if q == 1:
        return GRID_1[index]
    if q == 2:  # noqa: PLR2004 - the order
        return GRID_2[(index // 8) if place == 0 else (index % 8)]
    digit = (index // 16) if place == 0 else ((index // 4) % 4 if place == 1 else index % 4)
    return GRID_3[digit]


@compiled
def screen(w, n, p, q, lanes, points, scores):  # type: ignore[no-untyped-def]
    """Write the start of every grid point and half its n log(sum of squares / n).

    Args:
        w: (>= n,) the series, mean near 0.
        n: observations.
        p: order of the autoregression, 0 to 3.
        q: order of the moving average, 0 to 3.
        lanes: (11, LANES) scratch: theta (3), lags of x (3), autocovariances (4), spare.
        points: (grid_size(q), 6), written.
        scores: (grid_size(q),), written.
    """
    size = grid_size(q)
    for first in range(0, size, LANES):
        count = min(LANES, size - first)
        lanes[:] = 0.0
        for g in range(count):
            k1, k2 = math.tanh(_grid_point(first + g, q, 0)), math.tanh(_grid_point(first + g, q, 1))
            k3 = math.tanh(_grid_point(first + g, q, 2))
            lanes[0, g] = -(k1 * (1.0 - k2) - k3 * k2)
            lanes[1, g] = -(k2 - k3 * k1 * (1.0 - k2))
            lanes[2, g] = -k3
        if q == 1:
            _run_first(w, n, lanes)
        else:
            _run(w, n, lanes)
        for g in range(count):
            _settle(lanes, g, n, p, points[first + g], scores, first + g)
            for place in range(3):
                points[first + g, 3 + place] = _grid_point(first + g, q, place)


@compiled
def _run_first(w, n, lanes):  # type: ignore[no-untyped-def]
    """All lanes of an MA(1) through the series."""
    for t in range(n):
        now = w[t]
        for g in range(LANES):
            x1, x2 = lanes[3, g], lanes[4, g]
            x0 = now - lanes[0, g] * x1
            lanes[6, g] += x0 * x0
            lanes[7, g] += x0 * x1
            lanes[8, g] += x0 * x2
            lanes[9, g] += x0 * lanes[5, g]
            lanes[5, g] = x2
            lanes[4, g] = x1
            lanes[3, g] = x0


@compiled
def _run(w, n, lanes):  # type: ignore[no-untyped-def]
    """All lanes of any MA through the series."""
    for t in range(n):
        now = w[t]
        for g in range(LANES):
            x1, x2, x3 = lanes[3, g], lanes[4, g], lanes[5, g]
            x0 = ((now - lanes[2, g] * x3) - lanes[1, g] * x2) - lanes[0, g] * x1
            lanes[6, g] += x0 * x0
            lanes[7, g] += x0 * x1
            lanes[8, g] += x0 * x2
            lanes[9, g] += x0 * x3
            lanes[5, g] = x2
            lanes[4, g] = x1
            lanes[3, g] = x0


@compiled
def _settle(lanes, g, n, p, point, scores, index):  # type: ignore[no-untyped-def]
    """The autoregression of one lane by Levinson and Durbin; its partial autocorrelations are within (-1, 1)."""
    r0, r1, r2, r3 = lanes[6, g], lanes[7, g], lanes[8, g], lanes[9, g]
    k1 = r1 / r0 if p > 0 else 0.0
    left = r0 * (1.0 - k1 * k1)
    k2 = (r2 - k1 * r1) / left if p > 1 else 0.0
    left *= 1.0 - k2 * k2
    a1, a2 = k1 * (1.0 - k2), k2
    k3 = (r3 - a1 * r2 - a2 * r1) / left if p > 2 else 0.0  # noqa: PLR2004 - the order
    left *= 1.0 - k3 * k3
    limit = 0.9999
    point[0] = math.atanh(min(max(k1, -limit), limit))
    point[1] = math.atanh(min(max(k2, -limit), limit))
    point[2] = math.atanh(min(max(k3, -limit), limit))
    scores[index] = 0.5 * n * math.log(left / n) if left > 0.0 else math.inf


@compiled
def choose(q, scores, limit, chosen):  # type: ignore[no-untyped-def]
    """Write the indices of the deepest local minima of the grid, at most `limit`; return how many."""
    size, found = grid_size(q), 0
    side = 16 if q == 1 else (8 if q == 2 else 4)  # noqa: PLR2004 - the order
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
        if not lowest or (found == limit and score >= scores[chosen[found - 1]]):
            continue
        at = min(found, limit - 1)
        while at > 0 and scores[chosen[at - 1]] > score:
            chosen[at] = chosen[at - 1]
            at -= 1
        chosen[at] = index
        found = min(found + 1, limit)
    return found

"""Fit many series one after another, without the interpreter: the loop that threads will share out."""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.likelihood import value_at
from tradepipe.forecasting.batched.polynomials import (
    EVALUATIONS,
    HEIGHT,
    MEAN,
    TRIES,
    VARIANCE,
    Floats,
    Integers,
    set_coefficients,
    set_point,
)
from tradepipe.forecasting.batched.profiles import LANES
from tradepipe.forecasting.batched.rings import PLACES
from tradepipe.forecasting.batched.search import LIMIT, leaves_edge, minimise
from tradepipe.forecasting.batched.starts import (
    GRID,
    PAIRS,
    WORTH,
    WORTH_OF_PAIRS,
    add_ring,
    choose,
    keep_rivals,
    screen,
)

FITTED, UNFINISHED, SHORT, NOT_FINITE, CONSTANT = 0, 1, 2, 3, 4

FEWEST = 20
"""Observations, after differencing, that a fit needs."""

_EVALUATIONS = 120
_FLAT = 1e-12
"""Spread of a series, relative to its largest value, that is rounding noise."""

_EDGE = math.tanh(LIMIT)


@compiled
def standardise(values: Floats, d: int, w: Floats) -> tuple[int, int, float, float]:
    """Write the series, differenced `d` times, with mean 0 and variance near 1; see `scale_down`."""
    n = len(values) - d
    if n < FEWEST:
        return n, SHORT, math.nan, math.nan
    top = 0.0
    for t in range(n):
        w[t] = values[t + 1] - values[t] if d else values[t]
        if not abs(values[t]) < math.inf or not abs(values[t + d]) < math.inf:
            return n, NOT_FINITE, math.nan, math.nan
        top = max(top, abs(values[t]), abs(values[t + d]))
    found: tuple[int, int, float, float] = scale_down(w, n, top)
    return found


@compiled
def scale_down(w: Floats, n: int, top: float) -> tuple[int, int, float, float]:
    """Bring `w` (>= n,) to mean 0 and variance near 1.

    The scale is a power of two, so that it changes no digit.

    Args:
        w: changed.
        n: observations.
        top: largest absolute value before differencing, which says how much of `w` is rounding.

    Returns:
        n, status, mean, scale: values = mean + scale * w.
    """
    largest = 0.0
    for t in range(n):
        if not abs(w[t]) < math.inf:
            return n, NOT_FINITE, math.nan, math.nan
        largest = max(largest, abs(w[t]))
    if largest == 0.0:
        return n, CONSTANT, 0.0, 0.0
    unit = 2.0 ** math.floor(math.log2(largest))
    mean = squares = 0.0
    for t in range(n):
        mean += w[t] / unit
    mean /= n
    for t in range(n):
        squares += (w[t] / unit - mean) ** 2
    spread = math.sqrt(squares / n)
    if not spread * unit > _FLAT * top:
        return n, CONSTANT, mean * unit, 0.0
    scale = 2.0 ** math.floor(math.log2(spread))
    for t in range(n):
        w[t] = (w[t] / unit - mean) / scale
    return n, FITTED, mean * unit, scale * unit


@compiled
def fit_all(
    values: Floats,
    bounds: Integers,
    p: int,
    d: int,
    q: int,
    with_mean: bool,  # noqa: FBT001 - compiled
    starts: int,
    rotation: int,
    warm: Floats,
    inverses: Floats,
    status: Integers,
    numbers: Floats,
) -> None:
    """Fit every series.

    Args:
        values: all series, one after another.
        bounds: (series + 1,) where each begins and ends.
        p: order of the autoregression, 0 to 3.
        d: differences, 0 or 1.
        q: order of the moving average, 0 to 3.
        with_mean: whether a mean is estimated.
        starts: most cold starts of a series; with a warm one, most basins near it in value; see `keep_rivals`.
        rotation: number of the refit.
        warm: (series, 10) coefficients to start from; NaN in the first place where there are none.
        inverses: (series, 6, 6) inverse Hessians found with them, or NaN; replaced by those found here.
        status: (series,), written.
        numbers: (series, NUMBERS), written.
    """
    longest = 1
    for s in range(len(bounds) - 1):
        longest = max(longest, bounds[s + 1] - bounds[s])
    work, small, found = np.zeros((6, longest)), np.zeros((10, 3, 3)), np.zeros(6)
    vectors, matrices = np.zeros((8, 6)), np.zeros((5, 6, 6))
    lanes, points, scores = np.zeros((11, LANES)), np.zeros((GRID + PLACES, 6)), np.zeros(GRID + PLACES)
    chosen, best, point = np.zeros(GRID + PLACES, np.int64), np.zeros(6), np.zeros(6)
    for s in range(len(bounds) - 1):
        series, row = values[bounds[s] : bounds[s + 1]], numbers[s]
        n, status[s], mean, scale = standardise(series, d, work[0])
        row[:] = math.nan
        row[EVALUATIONS] = row[TRIES] = 0.0
        if status[s] != FITTED:
            if status[s] == CONSTANT:
                row[:] = 0.0
                row[MEAN], row[HEIGHT] = mean, math.nan
            continue
        if not with_mean:
            for t in range(n):
                work[0, t] += mean / scale
            mean = 0.0
        screen(work[0], n, p, q, lanes, points, scores)
        is_warm = warm[s, 0] == warm[s, 0]
        pairs = p > 1 and q > 1
        most = GRID if is_warm else starts + PAIRS * pairs
        count = choose(q, scores, max(most, PLACES) if pairs else most, chosen)
        if pairs:
            count = add_ring(p, q, with_mean, n, most, work, small, found, points, scores, chosen, count)
        lowest, evaluations, finished, tries = math.inf, 0, False, 0
        if is_warm:
            set_point(warm[s], point, _EDGE)
            carried = inverses[s, 0, 0] == inverses[s, 0, 0]
            if carried:
                matrices[0] = inverses[s]
            lowest, evaluations, finished = minimise(
                point, p, q, with_mean, n, _EVALUATIONS, math.inf, carried, work, small, found, vectors, matrices
            )
            best[:] = point
            inverses[s] = matrices[0]
            tries = 1
            if leaves_edge(point, p, q, with_mean, n, work, small, found, vectors, matrices):
                value, made, done = minimise(
                    point, p, q, with_mean, n, _EVALUATIONS, lowest, False, work, small, found, vectors, matrices
                )
                evaluations += made
                if value < lowest:
                    lowest, finished = value, done
                    best[:] = point
                    inverses[s] = matrices[0]
            count = keep_rivals(q, points, scores, best, lowest, rotation, starts, chosen, count)
        for attempt in range(min(starts + PAIRS * pairs, count)):
            place = chosen[attempt]
            if scores[place] > lowest + (WORTH_OF_PAIRS if pairs else WORTH):
                continue
            point[:] = points[place]
            value, made, done = minimise(
                point, p, q, with_mean, n, _EVALUATIONS, lowest, False, work, small, found, vectors, matrices
            )
            evaluations += made
            tries += 1
            if value < lowest:
                lowest, finished = value, done
                best[:] = point
                inverses[s] = matrices[0]
        if not lowest < math.inf:  # each start leaves nothing over; the plainest place there is does
            best[:] = 0.0
            lowest, made, finished = minimise(
                best, p, q, with_mean, n, _EVALUATIONS, math.inf, False, work, small, found, vectors, matrices
            )
            evaluations += made
            tries += 1
        row[:] = 0.0
        set_coefficients(best, row)
        value_at(row, max(p, q, 1), with_mean, n, work, small, found)
        row[MEAN] = mean + scale * found[0]
        row[VARIANCE] = found[1] / n * scale * scale
        row[HEIGHT] = -lowest - 0.5 * n * (math.log(2.0 * math.pi) + 1.0) - n * math.log(scale)
        row[EVALUATIONS], row[TRIES] = evaluations, tries
        if not finished:
            status[s] = UNFINISHED

"""Fit many seasonal ARMA series beside regressors: the counterpart of `fitting` for what its kernels cannot do.

Starts are sought as in `starts`, in each cell of a small grid of seasonal polynomials, after the values have been
relieved of what the regressors explain and passed through the cell's seasonal filter.
"""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.fitting import CONSTANT, FITTED, NOT_FINITE, SHORT, UNFINISHED, scale_down
from tradepipe.forecasting.batched.polynomials import (
    EVALUATIONS,
    HEIGHT,
    MEAN,
    NUMBERS,
    TRIES,
    VARIANCE,
    Floats,
    Integers,
    set_differences,
    set_point,
)
from tradepipe.forecasting.batched.product_search import POINT, climb, set_product
from tradepipe.forecasting.batched.products import product_value
from tradepipe.forecasting.batched.profiles import LANES
from tradepipe.forecasting.batched.search import WARM
from tradepipe.forecasting.batched.starts import choose, screen

SEASONAL = (-1.5, -0.6, 0.0, 0.6, 1.5)
"""atanh of the first seasonal partial autocorrelation, on either side."""

_EVALUATIONS = 120


@compiled
def _load(
    shape: Integers,
    with_mean: bool,  # noqa: FBT001 - compiled
    exog: Floats,
    differences: Floats,
    n: int,
    columns: Floats,
) -> int:
    """Write the differenced regressors, scaled by powers of two, and the constant; return the status.

    Beside a constant regressors are centred too. Beyond n stand each one's scale and mean.
    """
    regressors = exog.shape[1]
    for k in range(regressors):
        column = columns[1 + k]
        for t in range(len(exog)):
            if not abs(exog[t, k]) < math.inf:
                return NOT_FINITE
        mean = largest = 0.0
        for t in range(n):
            term = exog[t + shape[7], k]
            for i in range(shape[7]):
                term -= differences[i] * exog[t + shape[7] - 1 - i, k]
            column[t] = term
            largest = max(largest, abs(column[t]))
        unit = 2.0 ** math.floor(math.log2(largest)) if largest > 0.0 else 1.0
        for t in range(n):
            column[t] /= unit
            mean += column[t]
        mean = mean / n if with_mean else 0.0
        for t in range(n):
            column[t] -= mean
        column[n], column[n + 1] = unit, mean
    if with_mean:
        columns[1 + regressors, :n] = 1.0
    return FITTED


@compiled
def fit_products(
    values: Floats,
    bounds: Integers,
    exog: Floats,
    shape: Integers,
    with_mean: bool,  # noqa: FBT001 - compiled
    starts: int,
    rotation: int,
    warm: Floats,
    status: Integers,
    numbers: Floats,
) -> None:
    """Fit every series.

    Args:
        values: all series, one after another.
        bounds: (series + 1,) where each begins and ends.
        exog: (values, regressors) beside them.
        shape: (8,) see `polynomials.expand`.
        with_mean: whether a mean is estimated.
        starts: most cold starts of a series, one more with p and q; with a warm one, exactly this many in rotation.
        rotation: which basin comes first beside a warm start.
        warm: (series, 10) coefficients to start from; NaN in the first place where there are none.
        status: (series,), written.
        numbers: (series, NUMBERS + regressors), written.
    """
    longest = 1
    for s in range(len(bounds) - 1):
        longest = max(longest, bounds[s + 1] - bounds[s])
    regressors = exog.shape[1]
    count = 1 + regressors + with_mean
    columns, filtered = np.zeros((count, longest + 2)), np.zeros((count, longest))
    roots, errors, weights = np.zeros(longest), np.zeros((1 + POINT, longest)), np.zeros(count)
    held, trail, pulls = np.zeros((2, longest)), np.zeros((longest, 2, shape[6])), np.zeros((2, longest + shape[6]))
    differences, found = np.zeros(shape[7]), np.zeros((100, POINT))
    best, point = np.zeros(POINT), np.zeros(POINT)
    set_differences(shape, differences)
    for s in range(len(bounds) - 1):
        begin, end, row = bounds[s], bounds[s + 1], numbers[s]
        row[:] = math.nan
        row[EVALUATIONS] = row[TRIES] = 0.0
        n = end - begin - shape[7]
        if n < max(20, 2 * shape[6]):
            status[s] = SHORT
            continue
        top = 0.0
        for t in range(begin, end):
            top = max(top, abs(values[t]))
        for t in range(n):
            term = values[begin + t + shape[7]]
            for i in range(shape[7]):
                term -= differences[i] * values[begin + t + shape[7] - 1 - i]
            columns[0, t] = term
        n, status[s], mean, scale = scale_down(columns[0], n, top)
        if status[s] == FITTED:
            status[s] = _load(shape, with_mean, exog[begin:end], differences, n, columns)
        if status[s] != FITTED:
            if status[s] == CONSTANT:
                row[:] = 0.0
                row[MEAN], row[HEIGHT] = mean, math.nan
            continue
        if not with_mean:
            for t in range(n):
                columns[0, t] += mean / scale
            mean = 0.0
        is_warm = warm[s, 0] == warm[s, 0]
        places = _screen_all(shape, columns, n, len(found) - 1 if is_warm else starts, filtered, roots, errors, found)
        if shape[0] > 0 and shape[1] > 0 and places > 0:  # amid the ridge of roots that cancel; the grid finds its ends
            found[places, :6], found[places, 6:] = 0.0, found[0, 6:]
            places += 1
        first, tries = 0, places
        if is_warm:
            first, tries = rotation % places if places > 0 else 0, min(starts, places) + 1
        lowest, evaluations, finished = math.inf, 0, False
        for attempt in range(tries):
            if is_warm and attempt == 0:
                _set_warm(warm[s], point)
            else:
                point[:] = found[(first + attempt - is_warm) % places]
            bound = math.inf if shape[2] > 1 or shape[3] > 1 else lowest  # of those many slopes do not tell enough
            value, made, done = climb(
                shape, point, columns, n, _EVALUATIONS, bound, filtered, roots, errors, held, trail, pulls
            )
            evaluations += made
            if value < lowest:
                lowest, finished = value, done
                best[:] = point
        if not lowest < math.inf:  # each start leaves nothing over; the plainest place there is does
            best[:] = 0.0
            lowest, made, finished = climb(
                shape, best, columns, n, _EVALUATIONS, math.inf, filtered, roots, errors, held, trail, pulls
            )
            evaluations += made
            tries += 1
        row[:] = 0.0
        set_product(best, row)
        _, squares = product_value(shape, row, columns, n, filtered, roots, weights)
        row[MEAN] = mean + scale * weights[count - 1] if with_mean else 0.0
        for k in range(regressors):
            row[NUMBERS + k] = scale * weights[1 + k] / columns[1 + k, n]
            row[MEAN] -= scale * weights[1 + k] * columns[1 + k, n + 1]
        row[VARIANCE] = squares / n * scale * scale
        row[HEIGHT] = -lowest - 0.5 * n * (math.log(2.0 * math.pi) + 1.0) - n * math.log(scale)
        row[EVALUATIONS], row[TRIES] = evaluations, tries
        if not finished:
            status[s] = UNFINISHED


@compiled
def _set_warm(row: Floats, point: Floats) -> None:
    """The point of earlier coefficients, held within the stationary region."""
    set_point(row, point, WARM)
    for side in range(2):
        sign, at = 1.0 - 2.0 * side, 6 + 2 * side
        k2 = min(max(sign * row[at + 1], -WARM), WARM)
        k1 = min(max(sign * row[at] / (1.0 - k2), -WARM), WARM)
        point[at], point[at + 1] = math.atanh(k1), math.atanh(k2)


@compiled
def _screen_all(
    shape: Integers,
    columns: Floats,
    n: int,
    limit: int,
    filtered: Floats,
    roots: Floats,
    errors: Floats,
    found: Floats,
) -> int:
    """Write into `found` the points of the deepest basins, deepest first, at most `limit`; return how many.

    Without seasonal polynomials these are the basins of the plain grid; with them the best point of each seasonal cell
    that no neighbouring cell undercuts.
    """
    season, p, q = shape[4], shape[0], shape[1]
    rows = len(SEASONAL) if shape[2] > 0 else 1
    sides = len(SEASONAL) if shape[3] > 0 else 1
    lanes, points, scores = np.zeros((11, LANES)), np.zeros((64, 6)), np.zeros(64)
    chosen, heights = np.zeros(65, np.int64), np.full((rows, sides), math.inf)
    cells = np.zeros((rows, sides, POINT))
    plain, row, weights = np.zeros(8, np.int64), np.zeros(POINT), np.zeros(len(columns))
    plain[6] = 1
    product_value(plain, row, columns, n, filtered, roots, weights)  # without lags: ordinary least squares
    for t in range(n):
        errors[0, t] = columns[0, t]
        for c in range(1, len(columns)):
            errors[0, t] -= weights[c] * columns[c, t]
    for a in range(rows):
        for b in range(sides):
            ar = math.tanh(SEASONAL[a]) if rows > 1 else 0.0
            ma = -math.tanh(SEASONAL[b]) if sides > 1 else 0.0
            for t in range(n):
                term = errors[0, t]
                if t >= season > 0:
                    term -= ar * errors[0, t - season] + ma * errors[1, t - season]
                errors[1, t] = term
            screen(errors[1], n, p, q, lanes, points, scores)
            size: int = choose(q, scores, 1 if rows * sides > 1 else limit, chosen)
            if rows * sides == 1:
                for k in range(size):
                    found[k, :] = 0.0
                    found[k, :6] = points[chosen[k]]
                return size
            if size > 0:
                heights[a, b] = scores[chosen[0]]
                cells[a, b, :6] = points[chosen[0]]
                cells[a, b, 6] = SEASONAL[a] if rows > 1 else 0.0
                cells[a, b, 8] = SEASONAL[b] if sides > 1 else 0.0
    basins: int = _deepest(heights, cells, limit, found)
    return basins


@compiled
def _deepest(heights: Floats, cells: Floats, limit: int, found: Floats) -> int:
    """The cells that no neighbour undercuts, deepest first."""
    rows, sides = heights.shape
    order, count = np.argsort(heights.reshape(rows * sides)), 0
    for cell in order:
        a, b = cell // sides, cell % sides
        height, lowest = heights[a, b], heights[a, b] < math.inf
        for i in range(max(a - 1, 0), min(a + 2, rows)):
            for j in range(max(b - 1, 0), min(b + 2, sides)):
                if heights[i, j] < height:
                    lowest = False
        if lowest and count < limit:
            found[count] = cells[a, b]
            count += 1
    return count

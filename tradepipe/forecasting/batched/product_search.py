"""Search for the largest likelihood of a seasonal ARMA beside regressors: Gauss-Newton with a line search.

Coordinates are those of `polynomials`, two by two more for the seasonal polynomials. The slope is exact, see
`product_slopes`, and the matrix about that of the one-step errors' derivatives.
"""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.polynomials import Floats, Integers, set_coefficients, set_jacobian
from tradepipe.forecasting.batched.product_slopes import is_free, product_slope, set_sensitivities
from tradepipe.forecasting.batched.products import combine, product_value
from tradepipe.forecasting.batched.search import LIMIT

POINT = 10
"""Coordinates: 3 phi, 3 theta, 2 seasonal phi, 2 seasonal theta."""

_ENOUGH = 1e-4
_GAIN = 1e-6
"""The search ends when a step is expected to raise the log-likelihood by less."""

_LONGEST = 1.0
_HOPE = 50.0
"""See `search`; more, as the slope far from an optimum says less of what is left to gain."""


@compiled
def set_product(point: Floats, row: Floats) -> None:
    """Write the coefficients (10,) at `point` (10,)."""
    set_coefficients(point, row)
    for side in range(2):
        sign, at = 1.0 - 2.0 * side, 6 + 2 * side
        k1, k2 = math.tanh(point[at]), math.tanh(point[at + 1])
        row[at], row[at + 1] = sign * k1 * (1.0 - k2), sign * k2


@compiled
def set_product_jacobian(point: Floats, jacobian: Floats) -> None:
    """Write d coefficient / d point, (10, 10), as `set_jacobian` does."""
    set_jacobian(point, jacobian)
    for side in range(2):
        sign, at = 1.0 - 2.0 * side, 6 + 2 * side
        k1, k2 = math.tanh(point[at]), math.tanh(point[at + 1])
        jacobian[at, at] = sign * (1.0 - k1 * k1) * (1.0 - k2)
        jacobian[at, at + 1] = -sign * k1 * (1.0 - k2 * k2)
        jacobian[at + 1, at + 1] = sign * (1.0 - k2 * k2)


@compiled
def climb(
    shape: Integers,
    point: Floats,
    columns: Floats,
    n: int,
    limit: int,
    bound: float,
    filtered: Floats,
    roots: Floats,
    errors: Floats,
    held: Floats,
    trail: Floats,
    pulls: Floats,
) -> tuple[float, int, bool]:
    """Move `point` (10,) to a local minimum of `product_value`.

    Args:
        shape: (8,) see `polynomials.expand`.
        point: (10,) start, replaced by the end.
        columns: see `product_value`.
        n: observations.
        limit: most evaluations.
        bound: value that is to be undercut; a search without hope of it is given up.
        filtered: see `product_value`; scratch.
        roots: see `product_value`; scratch.
        errors: (1 + coordinates, >= n) scratch.
        held: (2, >= n) scratch.
        trail: see `product_slope`; scratch.
        pulls: see `product_slope`; scratch.

    Returns:
        The value at the end, evaluations made, whether no step promised a gain any more.
    """
    row, trial, weights = np.zeros(POINT), point.copy(), np.zeros(len(columns))
    free, count = np.zeros(POINT, np.int64), 0
    for place in range(POINT):
        if is_free(shape, place):
            free[count] = place
            count += 1
    slope, step, matrix = np.zeros(count), np.zeros(count), np.zeros((count, count))
    before, moved, by_row, jacobian = np.zeros(count), np.zeros(count), np.zeros(POINT), np.zeros((POINT, POINT))
    set_product(point, row)
    value, squares = product_value(shape, row, columns, n, filtered, roots, weights)
    evaluations, has_moved = 1, False
    while evaluations < limit:
        combine(n, columns, weights, held[0])
        combine(n, filtered, weights, held[1])
        product_slope(shape, row, n, squares, held[0], held[1], roots, trail, pulls, by_row)
        set_product_jacobian(point, jacobian)
        for i in range(count):
            slope[i] = 0.0
            for k in range(POINT):
                slope[i] += by_row[k] * jacobian[k, free[i]]
        for t in range(n):
            errors[0, t] = held[1, t] / roots[t]
        set_sensitivities(shape, row, n, errors)
        _set_matrix(errors, n, n / squares, jacobian, free, matrix)
        if has_moved:
            _bend(matrix, moved, before, slope, step)
        for i in range(count):
            outward = abs(point[free[i]]) >= LIMIT and slope[i] * point[free[i]] < 0.0
            if outward:
                for j in range(count):
                    matrix[i, j] = matrix[j, i] = 0.0
                matrix[i, i], slope[i] = 1.0, 0.0
        _solve(matrix, slope, step)
        downhill = largest = 0.0
        for i in range(count):
            downhill += step[i] * slope[i]
            largest = max(largest, abs(step[i]))
        if value + _HOPE * downhill > bound:
            return value, evaluations, False
        if not downhill < -2.0 * _GAIN:
            return value, evaluations, downhill <= 0.0
        length, accepted = min(1.0, _LONGEST / largest), False
        while evaluations < limit:
            trial[:] = point
            for i in range(count):
                place = free[i]
                trial[place] = min(max(point[place] + length * step[i], -LIMIT), LIMIT)
            set_product(trial, row)
            there, squares = product_value(shape, row, columns, n, filtered, roots, weights)
            evaluations += 1
            if there <= value + _ENOUGH * length * downhill:
                accepted = True
                break
            bend = there - value - length * downhill
            shorter = -0.5 * downhill * length * length / bend if bend > 0.0 else 0.1 * length
            length = min(max(shorter, 0.1 * length), 0.5 * length)
            if length * -downhill < _GAIN:
                break
        if not accepted:
            return value, evaluations, length * -downhill < _GAIN
        has_moved = True
        for i in range(count):
            before[i] = slope[i]
            moved[i] = trial[free[i]] - point[free[i]]
        point[:] = trial
        value = there
    return value, evaluations, False


@compiled
def _set_matrix(errors: Floats, n: int, precision: float, jacobian: Floats, free: Integers, matrix: Floats) -> None:
    """The Gauss-Newton matrix by point of the errors' sensitivities, raised a little so that it is never singular."""
    count = len(matrix)
    products = np.zeros((count, count))
    for i in range(count):
        for j in range(i + 1):
            term = 0.0
            for t in range(n):
                term += errors[1 + i, t] * errors[1 + j, t]
            products[i, j] = products[j, i] = precision * term
    for i in range(count):
        for j in range(i + 1):
            term = 0.0
            for k in range(count):
                for m in range(count):
                    term += jacobian[free[k], free[i]] * products[k, m] * jacobian[free[m], free[j]]
            matrix[i, j] = matrix[j, i] = term
        matrix[i, i] = matrix[i, i] * 1.01 + 0.5


@compiled
def _bend(matrix: Floats, moved: Floats, before: Floats, slope: Floats, product: Floats) -> None:
    """Give the matrix the curvature met along the last step (BFGS): Gauss-Newton leaves out what the errors bend."""
    count = len(matrix)
    curvature = spread = 0.0
    for i in range(count):
        curvature += moved[i] * (slope[i] - before[i])
        product[i] = 0.0
        for j in range(count):
            product[i] += matrix[i, j] * moved[j]
        spread += product[i] * moved[i]
    if not (curvature > 1e-3 * spread and spread > 0.0):
        return
    for i in range(count):
        for j in range(count):
            bent = (slope[i] - before[i]) * (slope[j] - before[j]) / curvature
            matrix[i, j] += bent - product[i] * product[j] / spread


@compiled
def _solve(matrix: Floats, slope: Floats, step: Floats) -> None:
    """Step = - matrix^-1 slope, by Cholesky in the lower triangle."""
    count = len(matrix)
    for j in range(count):
        for i in range(j, count):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = math.sqrt(max(matrix[i, j], 1e-12)) if i == j else matrix[i, j] / matrix[j, j]
    for i in range(count):
        step[i] = -slope[i]
        for k in range(i):
            step[i] -= matrix[i, k] * step[k]
        step[i] /= matrix[i, i]
    for back in range(count):
        i = count - 1 - back
        for k in range(i + 1, count):
            step[i] -= matrix[k, i] * step[k]
        step[i] /= matrix[i, i]

"""Search for the largest likelihood of one series: BFGS from the expected Gauss-Newton matrix."""

import math

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.likelihood import value_at
from tradepipe.forecasting.batched.polynomials import Floats, set_coefficients, set_jacobian
from tradepipe.forecasting.batched.slopes import slope_at

LIMIT = 6.0
"""Largest |atanh| of a partial autocorrelation, 1.2e-5 from 1: nearer, two such roots cost the likelihood digits."""

WARM = 0.9993
"""Partial autocorrelation beyond which the slope by coordinate is next to nothing: a search that begins there never
leaves."""

_WITHIN = math.atanh(WARM)
_STEP = 1.0
_ENOUGH = 1e-4
_GAIN = 1e-7
"""The search ends when a step is expected to raise the log-likelihood by less."""

_HOPE = 5.0
"""A search is given up where this times the slope along its next step would not reach the bound: half of that product
is what a quadratic would give."""

_FADED = 1e-9


@compiled
def _set_information(coefficients: Floats, n: int, impulses: Floats, information: Floats) -> None:
    """N times the expected outer product of the innovations' derivatives, (6, 6), by coefficients.

    de/dphi_i and -de/dtheta_j are the innovations through 1/phi(B) and 1/theta(B), lagged: sums of products of impulse
    responses (Box and Jenkins 1970, "Time Series Analysis", section 7.2.6).
    """
    a1 = a2 = a3 = b1 = b2 = b3 = 0.0
    impulses[:] = 0.0
    for t in range(n):
        a0 = 1.0 if t == 0 else coefficients[0] * a1 + coefficients[1] * a2 + coefficients[2] * a3
        b0 = 1.0 if t == 0 else -coefficients[3] * b1 - coefficients[4] * b2 - coefficients[5] * b3
        impulses[0] += a0 * a0
        impulses[1] += a0 * a1
        impulses[2] += a0 * a2
        impulses[3] += b0 * b0
        impulses[4] += b0 * b1
        impulses[5] += b0 * b2
        impulses[6] += a0 * b0
        impulses[7] += a0 * b1
        impulses[8] += a0 * b2
        impulses[9] += a1 * b0
        impulses[10] += a2 * b0
        a3, a2, a1 = a2, a1, a0
        b3, b2, b1 = b2, b1, b0
        if t > 3 and abs(a1) + abs(a2) + abs(a3) < _FADED and abs(b1) + abs(b2) + abs(b3) < _FADED:
            break
    for i in range(3):
        for j in range(3):
            lag = abs(i - j)
            information[i, j] = n * impulses[lag]
            information[3 + i, 3 + j] = n * impulses[3 + lag]
            # sum over t of a(t-i) b(t-j)
            crossed = impulses[6] if i == j else (impulses[6 + lag] if j > i else impulses[8 + lag])
            information[i, 3 + j] = information[3 + j, i] = n * crossed


@compiled
def _set_inverse(point: Floats, coefficients: Floats, p: int, q: int, n: int, matrices: Floats) -> None:
    """Write the inverse of the expected Hessian by point into matrices[0]; unused coordinates are zero."""
    inverse, information, jacobian, lower = matrices[0], matrices[1], matrices[2], matrices[3]
    _set_information(coefficients, n, matrices[4].reshape(36), information)
    set_jacobian(point, jacobian)
    for i in range(6):
        for j in range(6):
            term = 0.0
            for k in range(6):
                for m in range(6):
                    term += jacobian[k, i] * information[k, m] * jacobian[m, j]
            inverse[i, j] = term
    for i in range(6):
        used = i < p if i < 3 else i - 3 < q
        for j in range(6):
            if not used:
                inverse[i, j] = inverse[j, i] = 0.0
        inverse[i, i] = inverse[i, i] * 1.01 + 0.5 if used else 1.0
    for j in range(6):  # Cholesky
        for i in range(j, 6):
            term = inverse[i, j]
            for k in range(j):
                term -= lower[i, k] * lower[j, k]
            lower[i, j] = math.sqrt(max(term, 1e-12)) if i == j else term / lower[j, j]
    for column in range(6):
        for i in range(6):
            term = 1.0 if i == column else 0.0
            for k in range(i):
                term -= lower[i, k] * information[k, column]
            information[i, column] = term / lower[i, i]
        for back in range(6):
            i = 5 - back
            term = information[i, column]
            for k in range(i + 1, 6):
                term -= lower[k, i] * inverse[k, column]
            inverse[i, column] = term / lower[i, i]


@compiled
def slope_by_point(
    point: Floats,
    coefficients: Floats,
    p: int,
    q: int,
    n: int,
    work: Floats,
    small: Floats,
    found: Floats,
    slope: Floats,
    jacobian: Floats,
    by_point: Floats,
) -> None:
    """Write the gradient by point (6,) of `value_at`, which was called just before at the same place."""
    slope_at(coefficients, p, q, n, work, small, found, slope)
    set_jacobian(point, jacobian)
    for j in range(6):
        used = j < p if j < 3 else j - 3 < q
        term = 0.0
        if used:
            for k in range(6):
                term += jacobian[k, j] * slope[k]
        by_point[j] = term


@compiled
def minimise(
    point: Floats,
    p: int,
    q: int,
    with_mean: bool,  # noqa: FBT001 - compiled
    n: int,
    limit: int,
    bound: float,
    carried: bool,  # noqa: FBT001 - compiled
    work: Floats,
    small: Floats,
    found: Floats,
    vectors: Floats,
    matrices: Floats,
) -> tuple[float, int, bool]:
    """Move `point` (6,) to a local minimum of `value_at`.

    Args:
        point: (6,) start, replaced by the end.
        p: order of the autoregression.
        q: order of the moving average.
        with_mean: whether a mean is estimated.
        n: observations in `work[0]`.
        limit: most evaluations.
        bound: value that is to be undercut; a search without hope of it is given up.
        carried: whether `matrices[0]` holds the inverse Hessian of an earlier search nearby.
        work: see `likelihood`.
        small: see `likelihood`.
        found: see `likelihood`; of the last evaluation, not of the end.
        vectors: (8, 6) scratch.
        matrices: (5, 6, 6) scratch; the first is the inverse Hessian at the end.

    Returns:
        The value at the end, evaluations made, whether no step promised a gain any more.
    """
    coefficients, slope, by_point, step = vectors[0], vectors[1], vectors[2], vectors[3]
    trial, change, previous = vectors[4], vectors[5], vectors[6]
    inverse, r = matrices[0], max(p, q, 1)
    set_coefficients(point, coefficients)
    value = value_at(coefficients, r, with_mean, n, work, small, found)
    slope_by_point(point, coefficients, p, q, n, work, small, found, slope, matrices[2], by_point)
    if not carried:
        _set_inverse(point, coefficients, p, q, n, matrices)
    evaluations, stale = 1, False
    while evaluations < limit:
        downhill = largest = 0.0
        for i in range(6):
            term = 0.0
            for j in range(6):
                term -= inverse[i, j] * by_point[j]
            if abs(point[i]) >= LIMIT and term * point[i] > 0.0:
                term = 0.0
            step[i] = term
            downhill += term * by_point[i]
            largest = max(largest, abs(term))
        if value + _HOPE * downhill > bound:
            return value, evaluations, False
        if not downhill < -2.0 * _GAIN:
            if downhill <= 0.0 or stale:
                return value, evaluations, downhill <= 0.0
            _set_inverse(point, coefficients, p, q, n, matrices)
            stale = True
            continue
        length = min(1.0, _STEP / largest)
        accepted = False
        while evaluations < limit:
            for i in range(6):
                trial[i] = min(max(point[i] + length * step[i], -LIMIT), LIMIT)
            set_coefficients(trial, coefficients)
            there = value_at(coefficients, r, with_mean, n, work, small, found)
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
            if stale:
                return value, evaluations, length * -downhill < _GAIN
            set_coefficients(point, coefficients)
            _set_inverse(point, coefficients, p, q, n, matrices)
            stale = True
            continue
        stale = False
        for i in range(6):
            previous[i] = by_point[i]
            change[i] = trial[i] - point[i]
            point[i] = trial[i]
        value = there
        slope_by_point(point, coefficients, p, q, n, work, small, found, slope, matrices[2], by_point)
        _bend(inverse, change, previous, by_point, trial)
    return value, evaluations, False


@compiled
def leaves_edge(
    point: Floats,
    p: int,
    q: int,
    with_mean: bool,  # noqa: FBT001 - compiled
    n: int,
    work: Floats,
    small: Floats,
    found: Floats,
    vectors: Floats,
    matrices: Floats,
) -> bool:
    """Draw the coordinates of `point` that lie near the edge back within it; whether `value_at` falls further inwards.

    Arguments are those of `minimise`.
    """
    trial, by_point, drawn = vectors[4], vectors[2], False
    for i in range(6):
        trial[i] = point[i]
        if abs(point[i]) > _WITHIN:
            point[i] = _WITHIN if point[i] > 0.0 else -_WITHIN
            drawn = True
    if not drawn:
        return False
    set_coefficients(point, vectors[0])
    value_at(vectors[0], max(p, q, 1), with_mean, n, work, small, found)
    slope_by_point(point, vectors[0], p, q, n, work, small, found, vectors[1], matrices[2], by_point)
    leaves = False
    for i in range(6):
        leaves = leaves or (trial[i] != point[i] and by_point[i] * point[i] > 0.0)
    return leaves


@compiled
def _bend(inverse: Floats, change: Floats, previous: Floats, by_point: Floats, product: Floats) -> None:
    """BFGS update of the inverse Hessian, left out where the curvature along the step is not positive."""
    curvature = spread = 0.0
    for i in range(6):
        curvature += change[i] * (by_point[i] - previous[i])
    for i in range(6):
        product[i] = 0.0
        for j in range(6):
            product[i] += inverse[i, j] * (by_point[j] - previous[j])
        spread += product[i] * (by_point[i] - previous[i])
    if not curvature > 1e-12 * spread or not spread > 0.0:
        return
    weight = (1.0 + spread / curvature) / curvature
    for i in range(6):
        for j in range(6):
            inverse[i, j] += (
                weight * change[i] * change[j] - (product[i] * change[j] + change[i] * product[j]) / curvature
            )

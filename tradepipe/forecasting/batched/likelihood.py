"""Exact Gaussian likelihood of ARMA(p, q) with a mean, without a Kalman filter; `slopes` has its gradient.

The process z = w - mean in innovations form is s(t+1) = A s(t) + K e(t), z(t) = s_1(t) + e(t), with A the
companion matrix of phi and K = phi + theta. The filter started from s = 0 gives f = e + G s(1), where column
a of G is pi, the impulse response of 1/theta(B), lagged a times. With s(1) ~ N(0, v P), P = A P A' + K K':
f ~ N(0, v (I + G P G')). Two identities of rank r = max(p, q) are then all (Woodbury; Sylvester):

    f' (I + G P G')^-1 f = f'f - b' W b,   W = (P^-1 + M)^-1,   M = G'G,   b = G'f
    log det (I + G P G') = log det (I + P M)

W is reached through P = L L', so that P may be singular (a moving average of order 0) or huge (a unit root). The
mean is generalised least squares in the same metric, the variance v = S / n: neither is searched for.

Rows of `work` (6, n): w, f, pi, u (the filtered constant), e, scratch. Matrices of `small` (10, 3, 3):
P, M, W, A, [b, lambda, c], Lyapunov scratch, and two of scratch. `found` (6,): mean, S, log det, length of the
transient, u at infinity, not used.
"""

import math

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.polynomials import Floats, sum_of_powers

_FADED = 1e-13
"""Where the impulse response counts as decayed: its square is below the rounding of the sums."""


@compiled
def _filter(coefficients: Floats, n: int, work: Floats) -> tuple[float, float]:
    """The zero-state filter of w into f; f'f and the sum of f."""
    w, f = work[0], work[1]
    p1, p2, p3 = coefficients[0], coefficients[1], coefficients[2]
    t1, t2, t3 = coefficients[3], coefficients[4], coefficients[5]
    w1 = w2 = w3 = f1 = f2 = f3 = 0.0
    squares = total = 0.0
    for t in range(n):
        w0 = w[t]
        f0 = ((((w0 - p3 * w3) - p2 * w2) - p1 * w1) - t3 * f3 - t2 * f2) - t1 * f1
        f[t] = f0
        squares += f0 * f0
        total += f0
        w3, w2, w1 = w2, w1, w0
        f3, f2, f1 = f2, f1, f0
    return squares, total


@compiled
def start_covariance(coefficients: Floats, r: int, small: Floats) -> None:
    """A and P = A P A' + K K'."""
    covariance, transition = small[0], small[3]
    if r == 1:
        gain = coefficients[0] + coefficients[3]
        transition[0, 0] = coefficients[0]
        covariance[0, 0] = gain * gain / ((1.0 - coefficients[0]) * (1.0 + coefficients[0]))
        return
    for i in range(r):
        for j in range(r):
            transition[i, j] = 1.0 if j == i + 1 else 0.0
            covariance[i, j] = (coefficients[i] + coefficients[3 + i]) * (coefficients[j] + coefficients[3 + j])
        transition[i, 0] = coefficients[i]
    sum_of_powers(transition, covariance, small[5], small[6], False, r)


@compiled
def _factor(matrix: Floats, lower: Floats, r: int) -> None:
    """Cholesky of a positive semi-definite matrix; a pivot lost to rounding is zero, and so is its column."""
    for j in range(r):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= lower[j, k] * lower[j, k]
        good = pivot > 4e-16 * matrix[j, j]
        root = math.sqrt(pivot) if good else 0.0
        lower[j, j] = root
        for i in range(j + 1, r):
            term = matrix[i, j]
            for k in range(j):
                term -= lower[i, k] * lower[j, k]
            lower[i, j] = term / root if good else 0.0
            lower[j, i] = 0.0


@compiled
def posterior(r: int, small: Floats) -> float:
    """W = (P^-1 + M)^-1 and log det (I + P M)."""
    covariance, crossed, weight = small[0], small[1], small[2]
    if r == 1:
        divisor = 1.0 + covariance[0, 0] * crossed[0, 0]
        weight[0, 0] = covariance[0, 0] / divisor
        return math.log(divisor)
    lower, inner, root = small[5], small[6], small[7]
    _factor(covariance, lower, r)
    for i in range(r):
        for j in range(r):
            term = 1.0 if i == j else 0.0
            for k in range(r):
                for m in range(r):
                    term += lower[k, i] * crossed[k, m] * lower[m, j]
            inner[i, j] = term
    _factor(inner, root, r)
    determinant = 1.0
    for i in range(r):
        determinant *= root[i, i]
        for j in range(r):  # column i of L R'^-1, by forward substitution on the rows of L
            term = lower[j, i]
            for k in range(i):
                term -= inner[j, k] * root[i, k]
            inner[j, i] = term / root[i, i]
    for i in range(r):
        for j in range(r):
            term = 0.0
            for k in range(r):
                term += inner[i, k] * inner[j, k]
            weight[i, j] = term
    return 2.0 * math.log(determinant)


@compiled
def value_at(
    coefficients: Floats,
    r: int,
    with_mean: bool,  # noqa: FBT001 - compiled
    n: int,
    work: Floats,
    small: Floats,
    found: Floats,
) -> float:
    """Half of n log(S / n) + log det, which is minus the log-likelihood but for n (log 2 pi + 1) / 2.

    Args:
        coefficients: (6,) phi and theta, unused ones 0.
        r: max(p, q, 1).
        with_mean: whether a mean is estimated; otherwise it is 0.
        n: observations in `work[0]`.
        work: (6, >= n), see the module.
        small: (10, 3, 3), see the module.
        found: (6,), see the module.
    """
    squares, total = _filter(coefficients, n, work)
    f, pi, u = work[1], work[2], work[3]
    p1, p2, p3 = coefficients[0], coefficients[1], coefficients[2]
    t1, t2, t3 = coefficients[3], coefficients[4], coefficients[5]
    steady = (1.0 - p1 - p2 - p3) / (1.0 + t1 + t2 + t3)
    pi0 = pi1 = pi2 = pi3 = u1 = u2 = u3 = 0.0
    m0 = m1 = m2 = b0 = b1 = b2 = h0 = h1 = h2 = uu = uf = early = 0.0
    length, moved = n, 1.0
    for t in range(n):
        pi0 = 1.0 if t == 0 else -t3 * pi3 - t2 * pi2 - t1 * pi1
        moved -= p1 if t == 1 else (p2 if t == 2 else (p3 if t == 3 else 0.0))
        u0 = (moved - t3 * u3 - t2 * u2) - t1 * u1
        f0 = f[t]
        pi[t], u[t] = pi0, u0
        m0 += pi0 * pi0
        m1 += pi0 * pi1
        m2 += pi0 * pi2
        b0 += pi0 * f0
        b1 += pi1 * f0
        b2 += pi2 * f0
        h0 += pi0 * u0
        h1 += pi1 * u0
        h2 += pi2 * u0
        uu += u0 * u0
        uf += u0 * f0
        early += f0
        pi3, pi2, pi1 = pi2, pi1, pi0
        u3, u2, u1 = u2, u1, u0
        if t > 3 and abs(pi1) < _FADED and abs(pi2) < _FADED and abs(pi3) < _FADED:
            length = t + 1
            break
    uu += (n - length) * steady * steady
    uf += steady * (total - early)
    crossed, vectors, weight = small[1], small[4], small[2]
    crossed[0, 0] = m0
    crossed[0, 1] = crossed[1, 0] = m1
    crossed[0, 2] = crossed[2, 0] = m2
    crossed[1, 1] = m0 - pi1 * pi1
    crossed[1, 2] = crossed[2, 1] = m1 - pi1 * pi2
    crossed[2, 2] = m0 - pi1 * pi1 - pi2 * pi2
    vectors[0, 0], vectors[0, 1], vectors[0, 2] = b0, b1, b2
    vectors[1, 0], vectors[1, 1], vectors[1, 2] = h0, h1, h2
    start_covariance(coefficients, r, small)
    logdet = posterior(r, small)
    for i in range(r):
        for j in range(r):
            squares -= vectors[0, i] * weight[i, j] * vectors[0, j]
            uf -= vectors[1, i] * weight[i, j] * vectors[0, j]
            uu -= vectors[1, i] * weight[i, j] * vectors[1, j]
    mean = uf / uu if with_mean and uu > 0.0 else 0.0
    squares -= mean * uf
    for i in range(r):
        vectors[0, i] -= mean * vectors[1, i]
    for i in range(r):
        vectors[2, i] = 0.0
        for j in range(r):
            vectors[2, i] += weight[i, j] * vectors[0, j]
    for i in range(r):
        vectors[1, i] = vectors[0, i]
        for j in range(r):
            vectors[1, i] -= crossed[i, j] * vectors[2, j]
    found[0], found[1], found[2], found[3], found[4] = mean, squares, logdet, length, steady
    if not squares > 0.0:
        return math.inf
    value: float = 0.5 * (n * math.log(squares / n) + logdet)
    return value

"""Exact Gaussian likelihood of ARMA(p, q) with a mean, and its gradient, without a Kalman filter.

The process z = w - mean in innovations form is s(t+1) = A s(t) + K e(t), z(t) = s_1(t) + e(t), with A the
companion matrix of phi and K = phi + theta. The filter started from s = 0 gives f = e + G s(1), where column
a of G is pi, the impulse response of 1/theta(B), lagged a times. With s(1) ~ N(0, v P), P = A P A' + K K':
f ~ N(0, v (I + G P G')). Two identities of rank r = max(p, q) are then all (Woodbury; Sylvester):

    f' (I + G P G')^-1 f = f'f - b' W b,   W = (P^-1 + M)^-1,   M = G'G,   b = G'f
    log det (I + G P G') = log det (I + P M)

W is reached through P = L L', so that P may be singular (a moving average of order 0) or huge (a unit root). The
mean is generalised least squares in the same metric, the variance v = S / n: neither is searched for.

Gradient by the envelope theorem: c = W b is put back as the first state and held, with the mean. What is left
of dS is 2 e' de, summed by one backward recursion a = theta(F)^-1 e instead of a recursion for each parameter;
d log det needs pi * pi; dP is reached by the transposed Lyapunov equation.

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


@compiled
def slope_at(
    coefficients: Floats, p: int, q: int, n: int, work: Floats, small: Floats, found: Floats, slope: Floats
) -> None:
    """Write the gradient by coefficients (6,) of `value_at`, which was called just before at the same place."""
    w, f, pi, u, e = work[0], work[1], work[2], work[3], work[4]
    r, length, mean, level = max(p, q, 1), int(found[3]), found[0], found[0] * found[4]
    t1, t2, t3 = coefficients[3], coefficients[4], coefficients[5]
    vectors = small[4]
    c0 = vectors[2, 0]
    c1, c2 = (vectors[2, 1] if r > 1 else 0.0), (vectors[2, 2] if r > 2 else 0.0)
    pi1 = pi2 = 0.0
    for t in range(length):
        e[t] = f[t] - mean * u[t] - (c0 * pi[t] + c1 * pi1 + c2 * pi2)
        pi2, pi1 = pi1, pi[t]
    for t in range(length, n):
        e[t] = f[t] - level
    a1 = a2 = a3 = z1 = z2 = z3 = e1 = e2 = e3 = 0.0
    for back in range(n):
        t = n - 1 - back
        e0, z0 = e[t], w[t] - mean
        z1 += a1 * z0
        z2 += a2 * z0
        z3 += a3 * z0
        e1 += a1 * e0
        e2 += a2 * e0
        e3 += a3 * e0
        a0 = ((e0 - t3 * a3) - t2 * a2) - t1 * a1
        a3, a2, a1 = a2, a1, a0
    precision = n / found[1]
    slope[0], slope[1], slope[2] = -z1 * precision, -z2 * precision, -z3 * precision
    slope[3], slope[4], slope[5] = -e1 * precision, -e2 * precision, -e3 * precision
    if q > 0:
        _add_determinant(coefficients, q, r, length, work, small, slope)
    _add_start(coefficients, r, precision, small, slope)
    for i in range(3):
        if i >= p:
            slope[i] = 0.0
        if i >= q:
            slope[3 + i] = 0.0


@compiled
def _add_determinant(
    coefficients: Floats, q: int, r: int, length: int, work: Floats, small: Floats, slope: Floats
) -> None:
    """tr(W G' dG): the part of the determinant that moves with pi."""
    pi, rho, weight = work[2], work[5], small[2]
    t1, t2, t3 = coefficients[3], coefficients[4], coefficients[5]
    rho1 = rho2 = rho3 = first = 0.0
    for t in range(length):
        first += pi[t] * rho1
        rho0 = ((pi[t] - t3 * rho3) - t2 * rho2) - t1 * rho1
        rho[t] = rho0
        rho3, rho2, rho1 = rho2, rho1, rho0
    if r == 1:
        slope[3] -= weight[0, 0] * first
        return
    for a in range(r):
        for lag in range(1, r + q):
            total = 0.0
            for t in range(max(a, lag), length):
                total += pi[t - a] * rho[t - lag]
            for b in range(r):
                if 1 <= lag - b <= q:
                    slope[2 + lag - b] -= weight[a, b] * total


@compiled
def _add_start(coefficients: Floats, r: int, precision: float, small: Floats, slope: Floats) -> None:
    """The part that moves with the covariance of the first state."""
    covariance, crossed, weight, transition, vectors = small[0], small[1], small[2], small[3], small[4]
    pull, product = small[5], small[8]
    for i in range(r):
        for j in range(r):
            term = crossed[i, j]
            for k in range(r):
                for m in range(r):
                    term -= crossed[i, k] * weight[k, m] * crossed[m, j]
            pull[i, j] = 0.5 * (term - vectors[1, i] * vectors[1, j] * precision)
    if r == 1:
        pull[0, 0] /= (1.0 - coefficients[0]) * (1.0 + coefficients[0])
    else:
        sum_of_powers(transition, pull, small[6], small[7], True, r)
    for i in range(r):
        gain = 0.0
        for j in range(r):
            gain += pull[i, j] * (coefficients[j] + coefficients[3 + j])
            product[i, j] = 0.0
            for k in range(r):
                product[i, j] += pull[i, k] * transition[k, j]
        term = 0.0
        for j in range(r):
            term += product[i, j] * covariance[j, 0]
        slope[i] += 2.0 * (term + gain)
        slope[3 + i] += 2.0 * gain

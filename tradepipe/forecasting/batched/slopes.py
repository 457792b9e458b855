"""Gradient of the likelihood of ARMA(p, q) with a mean.

By the envelope theorem c = W b is put back as the first state and held, with the mean. What is left of dS is 2 e' de,
summed by one backward recursion a = theta(F)^-1 e instead of a recursion for each parameter; d log det needs pi * pi;
dP is reached by the transposed Lyapunov equation. Arrays are those of `likelihood`.
"""

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.polynomials import Floats, sum_of_powers


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

"""Stationary and invertible polynomials up to order 3, and the covariance of the state they start from.

A polynomial is searched for by unbounded numbers x: k = tanh(x) are partial autocorrelations, and every
vector of them inside (-1, 1) is one stationary polynomial (Barndorff-Nielsen and Schou 1973, "On the
parametrization of autoregressive models by partial autocorrelations", J. Multivariate Analysis 3). Unused
orders are zeros, so one formula serves orders 0 to 3.
"""

import math

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_FADED = 1e-20

PHI, THETA, SEASONAL_PHI, SEASONAL_THETA, MEAN, VARIANCE, HEIGHT = 0, 3, 6, 8, 10, 11, 12
EVALUATIONS, TRIES, NUMBERS = 13, 14, 15
"""Where each stands in a row of numbers: 3 phi, 3 theta, 2 seasonal phi, 2 seasonal theta, mean, variance,
log-likelihood, evaluations, starts tried; from NUMBERS on the regressors' coefficients. Unused ones are 0."""


@compiled
def expand(shape: Integers, row: Floats, ar: Floats, ma: Floats) -> None:
    """Write the products of the plain and the seasonal polynomials, both (>= r,).

    Args:
        shape: (8,) p, q, P, Q, s, d + 2 D, r = max(p + P s, q + Q s, 1), d + D s.
        row: (>= 10,) numbers of a fit.
        ar: written: phi(B) Phi(B^s) = 1 - ar_1 B - ...
        ma: written: theta(B) Theta(B^s) = 1 + ma_1 B + ...
    """
    season = shape[4]
    for i in range(shape[6]):
        ar[i] = ma[i] = 0.0
    for i in range(3):
        if i < shape[0]:
            ar[i] += row[PHI + i]
        if i < shape[1]:
            ma[i] += row[THETA + i]
    for j in range(2):
        if j < shape[2]:
            at = season * (j + 1) - 1
            ar[at] += row[SEASONAL_PHI + j]
            for i in range(shape[0]):
                ar[at + 1 + i] -= row[SEASONAL_PHI + j] * row[PHI + i]
        if j < shape[3]:
            at = season * (j + 1) - 1
            ma[at] += row[SEASONAL_THETA + j]
            for i in range(shape[1]):
                ma[at + 1 + i] += row[SEASONAL_THETA + j] * row[THETA + i]


@compiled
def set_differences(shape: Integers, differences: Floats) -> None:
    """Write how earlier levels make up the next: (1 - B)^d (1 - B^s)^D = 1 - differences_1 B - ..., (d + D s,)."""
    season = shape[4]
    differences[:] = 0.0
    if shape[5] % 2:
        differences[0] += 1.0
    if shape[5] // 2:
        differences[season - 1] += 1.0
        if shape[5] % 2:
            differences[season] -= 1.0


@compiled
def set_coefficients(point: Floats, coefficients: Floats) -> None:
    """Write phi and theta of 1 - phi_1 B - ... and 1 + theta_1 B + ... (3 + 3) at `point` (3 + 3)."""
    for side in range(2):
        sign = 1.0 - 2.0 * side
        k1, k2, k3 = (math.tanh(point[3 * side]), math.tanh(point[3 * side + 1]), math.tanh(point[3 * side + 2]))
        coefficients[3 * side] = sign * (k1 * (1.0 - k2) - k3 * k2)
        coefficients[3 * side + 1] = sign * (k2 - k3 * k1 * (1.0 - k2))
        coefficients[3 * side + 2] = sign * k3


@compiled
def set_jacobian(point: Floats, jacobian: Floats) -> None:
    """Write d coefficient / d point, (6, 6): row the coefficient, column the point; zero between the two sides."""
    jacobian[:] = 0.0
    for side in range(2):
        sign, at = 1.0 - 2.0 * side, 3 * side
        k1, k2, k3 = math.tanh(point[at]), math.tanh(point[at + 1]), math.tanh(point[at + 2])
        s1, s2, s3 = sign * (1.0 - k1 * k1), sign * (1.0 - k2 * k2), sign * (1.0 - k3 * k3)
        jacobian[at, at] = s1 * (1.0 - k2)
        jacobian[at, at + 1] = s2 * (-k1 - k3)
        jacobian[at, at + 2] = s3 * -k2
        jacobian[at + 1, at] = s1 * -k3 * (1.0 - k2)
        jacobian[at + 1, at + 1] = s2 * (1.0 + k3 * k1)
        jacobian[at + 1, at + 2] = s3 * -k1 * (1.0 - k2)
        jacobian[at + 2, at + 2] = s3


@compiled
def set_point(coefficients: Floats, point: Floats, limit: int) -> None:
    """Write the point (3 + 3) of `coefficients` (3 + 3), partial autocorrelations held within `limit`.

    Outside the stationary region the nearest partial autocorrelations inside are taken.
    """
    for side in range(2):
        sign, at = 1.0 - 2.0 * side, 3 * side
        a1, a2, k3 = sign * coefficients[at], sign * coefficients[at + 1], sign * coefficients[at + 2]
        k3 = min(max(k3, -limit), limit)
        shrink = 1.0 - k3 * k3
        b1, k2 = (a1 + k3 * a2) / shrink, (a2 + k3 * a1) / shrink
        k2 = min(max(k2, -limit), limit)
        k1 = min(max(b1 / (1.0 - k2), -limit), limit)
        point[at], point[at + 1], point[at + 2] = math.atanh(k1), math.atanh(k2), math.atanh(k3)


@compiled
def sum_of_powers(
    transition: Floats,
    total: Floats,
    power: Floats,
    product: Floats,
    transposed: bool,  # noqa: FBT001 - compiled
    size: int,
) -> None:
    """Replace `total` by the sum over j of T^j total T'^j, or of T'^j total T^j when `transposed`.

    Doubling (Smith 1968, "Matrix equation XA + BX = C", SIAM J. Appl. Math. 16): each round doubles the
    number of terms. All terms of a covariance are positive, so it is exact to rounding near a unit root too.

    Args:
        transition: (3, 3), spectral radius below 1; not changed.
        total: (3, 3) symmetric.
        power: (3, 3) scratch.
        product: (3, 3) scratch.
        transposed: which of the two sums.
        size: how much of the matrices is used.
    """
    for i in range(size):
        for j in range(size):
            power[i, j] = transition[j, i] if transposed else transition[i, j]
    for _ in range(60):
        for i in range(size):
            for j in range(size):
                term = 0.0
                for k in range(size):
                    term += power[i, k] * total[k, j]
                product[i, j] = term
        for i in range(size):
            for j in range(i + 1):
                term = total[i, j]
                for k in range(size):
                    term += product[i, k] * power[j, k]
                total[i, j] = term
        for i in range(size):
            for j in range(i):
                total[j, i] = total[i, j]
        largest = 0.0
        for i in range(size):
            for j in range(size):
                term = 0.0
                for k in range(size):
                    term += power[i, k] * power[k, j]
                product[i, j] = term
        for i in range(size):
            for j in range(size):
                power[i, j] = product[i, j]
                largest = max(largest, abs(power[i, j]))
        if largest * largest < _FADED:
            return

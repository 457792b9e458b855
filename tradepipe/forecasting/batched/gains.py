"""The exact filter of any ARMA polynomial in O(r) a bar: gains by Chandrasekhar's recursions.

In innovations form z(t) = s_1(t) + e(t), s(t+1) = A s(t) + K e(t), with A the companion matrix of phi and
K = phi + theta, the first state has covariance P = A P A' + K K'. As P is stationary, each step changes the covariance
by a matrix of rank one, so that the filter needs only F = 1 + P_11, G = A P h + K and a vector L that starts as G:

    v = z - s_1,  s <- A s + (G / F) v,  k = L_1 / F,  (G, L) <- (G - k A L, A L - k G),  F <- F (1 - k^2)

(Morf, Sidhu and Kailath 1974, "Some new algorithms for recursive estimation in constant linear discrete-time
systems", IEEE Trans. Automatic Control 19; Pearlman 1980, "An algorithm for the exact likelihood of a high-order
autoregressive-moving average process", Biometrika 67.) L fades as the start is forgotten; then F = 1 and G = K.
"""

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.likelihood import start_covariance
from tradepipe.forecasting.batched.polynomials import Floats

FADED = 1e-17
"""Where L, relative to F, no longer moves a digit of what the filter says."""


@compiled
def start_gains(ar: Floats, ma: Floats, r: int, first: Floats, gains: Floats) -> float:
    """Write G and L (2, r) of the first bar, and return its F.

    Args:
        ar: (>= r,) phi.
        ma: (>= r,) theta.
        r: of the state.
        first: (>= r + 1,) first column of P, with a 0 after it.
        gains: (2, >= r), written.
    """
    for i in range(r):
        gains[0, i] = ar[i] * first[0] + first[i + 1] + ar[i] + ma[i]
        gains[1, i] = gains[0, i]
    factor: float = 1.0 + first[0]
    return factor


@compiled
def step_gains(ar: Floats, ma: Floats, r: int, gains: Floats, factor: float) -> float:
    """Move G and L (2, r) to the next bar; return the next F. Once faded, or lost to rounding, they stay at K and 0."""
    head = gains[1, 0]
    ratio = head / factor
    largest = 0.0
    for i in range(r):
        moved = ar[i] * head + (gains[1, i + 1] if i + 1 < r else 0.0)
        own = gains[0, i]
        gains[0, i] = own - ratio * moved
        gains[1, i] = moved - ratio * own
        largest = max(largest, abs(gains[1, i]))
    # |k| is a partial autocorrelation of the process; beyond 1 several roots near 1 have cost all digits.
    if largest < FADED or not abs(ratio) < 1.0:
        for i in range(r):
            gains[0, i] = ar[i] + ma[i]
            gains[1, i] = 0.0
        return 1.0
    following: float = max(factor * (1.0 - ratio) * (1.0 + ratio), 1.0)
    return following


@compiled
def is_faded(gains: Floats) -> bool:
    """Whether the start is forgotten. One entry of L alone says nothing: seasonal ones are mostly 0 from the first."""
    largest = 0.0
    for i in range(gains.shape[1]):
        largest = max(largest, abs(gains[1, i]))
    return largest == 0.0


@compiled
def first_column(ar: Floats, ma: Floats, r: int, scratch: Floats, first: Floats) -> None:
    """Write the first column of P, with a 0 after it, (r + 1,).

    Up to r = 3 by doubling, exact near unit roots too. Beyond it from the expectations of the next values,
    z_j = s_j + phi_1 z_(j-1) + ..., whose covariance with s_1 is gamma(j - 1) - psi(j - 1); the autocovariances of the
    autoregression are had by the recursions of Levinson and Durbin, run down and up again.

    Complex polynomials have their complex continuation, for `product_slopes`.

    Args:
        ar: (>= r,) phi.
        ma: (>= r,) theta.
        r: of the state.
        scratch: (5, >= 2 r + 2).
        first: (>= r + 1,), written.
    """
    if r <= 3:
        coefficients, small = np.zeros(6, ar.dtype), np.zeros((10, 3, 3), ar.dtype)
        for i in range(r):
            coefficients[i], coefficients[3 + i] = ar[i], ma[i]
        start_covariance(coefficients, r, small)
        for i in range(r):
            first[i] = small[0, i, 0]
        first[r] = 0.0
        return
    own, spare, partial, plain, crossed = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    for i in range(r):
        own[i] = ar[i]
    variance = 1.0
    for m in range(r, 0, -1):  # down: partial autocorrelations
        k = partial[m - 1] = own[m - 1]
        left = (1.0 - k) * (1.0 + k)
        variance /= left
        for i in range(m - 1):
            spare[i] = (own[i] + k * own[m - 2 - i]) / left
        for i in range(m - 1):
            own[i] = spare[i]
    plain[0] = variance
    for m in range(1, r + 1):  # up: autocovariances of 1/phi(B)
        k = partial[m - 1]
        term = k * variance
        for i in range(m - 1):
            term += own[i] * plain[m - 1 - i]
        plain[m] = term
        for i in range(m - 1):
            spare[i] = own[i] - k * own[m - 2 - i]
        for i in range(m - 1):
            own[i] = spare[i]
        own[m - 1] = k
        variance *= (1.0 - k) * (1.0 + k)
    for m in range(r + 1, 2 * r + 1):
        plain[m] = 0.0
        for i in range(r):
            if ar[i] != 0.0:
                plain[m] += ar[i] * plain[m - 1 - i]
    for m in range(2 * r):
        crossed[m] = plain[m]
        for b in range(r):
            if ma[b] != 0.0:
                crossed[m] += ma[b] * plain[abs(m - 1 - b)]
    for j in range(r):
        pulse = 1.0 if j == 0 else ma[j - 1]
        for i in range(j):
            pulse += ar[i] * spare[j - 1 - i]
        spare[j] = pulse
        first[j] = crossed[j] - pulse
        for a in range(r):
            if ma[a] != 0.0:
                first[j] += ma[a] * crossed[j + 1 + a]
    for j in range(r - 1, 0, -1):
        for i in range(j):
            if ar[i] != 0.0:
                first[j] -= ar[i] * first[j - 1 - i]
    first[r] = 0.0

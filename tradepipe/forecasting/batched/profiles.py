"""The profiled likelihood of any order over the grid of MA polynomials; see `starts`.

Given theta, e(t) = x(t) - phi_1 x(t-1) - ... - m - c_1 pi(t) - ... is linear in phi, the mean and the first state, so
each lane needs no more than the sums of products of these columns.
"""

import math

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.likelihood import posterior, start_covariance
from tradepipe.forecasting.batched.polynomials import Floats, set_coefficients, set_point

COLUMNS = 9
LANES = 16

_OWN, _TOTAL, _BY_PULSE, _PULSE_BY, _PULSES, _PULSE_TOTAL, _LAST, _LAST_PULSE = 0, 4, 5, 8, 11, 14, 15, 18
SUMS = 21
"""Rows of a lane's sums: x by itself 0 to 3 bars before; x; x by pi 0 to 2 bars before; pi by x 1 to 3 bars before; pi
by itself 0 to 2 bars before; pi; the last three x; the last three pi, newest first. All other products are these, less
a few at the end."""


@compiled
def run_lanes(w: Floats, n: int, lanes: Floats, sums: Floats) -> None:
    """Add up the products of x and pi with each other and those before them.

    Args:
        w: (>= n,) the series.
        n: observations.
        lanes: (>= 3, LANES) theta.
        sums: (SUMS, LANES), written. It is gone through as one row, whose parts cannot lie over each other.
    """
    sums[:] = 0.0
    flat = sums.reshape(SUMS * LANES)
    for t in range(n):
        now, pulse = w[t], 1.0 if t == 0 else 0.0
        for g in range(LANES):
            x1, x2, x3 = flat[15 * LANES + g], flat[16 * LANES + g], flat[17 * LANES + g]
            y1, y2, y3 = flat[18 * LANES + g], flat[19 * LANES + g], flat[20 * LANES + g]
            x0 = ((now - lanes[2, g] * x3) - lanes[1, g] * x2) - lanes[0, g] * x1
            y0 = ((pulse - lanes[2, g] * y3) - lanes[1, g] * y2) - lanes[0, g] * y1
            flat[g] += x0 * x0
            flat[LANES + g] += x0 * x1
            flat[2 * LANES + g] += x0 * x2
            flat[3 * LANES + g] += x0 * x3
            flat[4 * LANES + g] += x0
            flat[5 * LANES + g] += x0 * y0
            flat[6 * LANES + g] += x0 * y1
            flat[7 * LANES + g] += x0 * y2
            flat[8 * LANES + g] += y0 * x1
            flat[9 * LANES + g] += y0 * x2
            flat[10 * LANES + g] += y0 * x3
            flat[11 * LANES + g] += y0 * y0
            flat[12 * LANES + g] += y0 * y1
            flat[13 * LANES + g] += y0 * y2
            flat[14 * LANES + g] += y0
            flat[15 * LANES + g], flat[16 * LANES + g], flat[17 * LANES + g] = x0, x1, x2
            flat[18 * LANES + g], flat[19 * LANES + g], flat[20 * LANES + g] = y0, y1, y2


@compiled
def gather_lane(sums: Floats, g: int, n: int, p: int, r: int, products: Floats) -> None:
    """Write the sums of products of one lane's columns, x and p lags, 1, pi and its lags, in the upper triangle.

    Args:
        sums: of `run_lanes`.
        g: the lane.
        n: observations.
        p: order of the autoregression.
        r: max(p, q).
        products: (COLUMNS, COLUMNS), written.
    """
    one = p + 1
    for i in range(p + 1):
        total = sums[_TOTAL, g]
        for m in range(i):
            total -= sums[_LAST + m, g]
        products[i, one] = total
        for j in range(i, p + 1):
            term = sums[_OWN + j - i, g]
            for m in range(i):
                term -= sums[_LAST + m, g] * sums[_LAST + m + j - i, g]
            products[i, j] = term
        for j in range(r):
            term = sums[_BY_PULSE + j - i, g] if j >= i else sums[_PULSE_BY + i - j - 1, g]
            for m in range(min(i, j)):
                term -= sums[_LAST + m + max(i - j, 0), g] * sums[_LAST_PULSE + m + max(j - i, 0), g]
            products[i, one + 1 + j] = term
    products[one, one] = n
    for i in range(r):
        total = sums[_PULSE_TOTAL, g]
        for m in range(i):
            total -= sums[_LAST_PULSE + m, g]
        products[one, one + 1 + i] = total
        for j in range(i, r):
            term = sums[_PULSES + j - i, g]
            for m in range(i):
                term -= sums[_LAST_PULSE + m, g] * sums[_LAST_PULSE + m + j - i, g]
            products[one + 1 + i, one + 1 + j] = term


@compiled
def settle_lane(
    sums: Floats, whole: Floats, n: int, p: int, r: int, small: Floats, coefficients: Floats, point: Floats
) -> float:
    """Write the autoregression of one lane into `point`; half the profiled likelihood's n log S + log det.

    Args:
        sums: of `gather_lane`.
        whole: (COLUMNS, COLUMNS) scratch.
        n: observations.
        p: order of the autoregression.
        r: max(p, q).
        small: (10, 3, 3) scratch, see `likelihood`.
        coefficients: (6,) with the lane's theta; phi is written.
        point: (6,), written, theta's included.
    """
    size = p + 2 + r
    # Cholesky of the regressors' sums (in the lower triangle), pivots lost to rounding left out.
    answer = small[9].reshape(9)
    for j in range(1, size):
        pivot = sums[j, j]
        for k in range(1, j):
            pivot -= whole[j, k] * whole[j, k]
        good = pivot > 1e-11 * sums[j, j]
        whole[j, j] = math.sqrt(pivot) if good else 0.0
        for i in range(j + 1, size):
            term = sums[j, i]
            for k in range(1, j):
                term -= whole[i, k] * whole[j, k]
            whole[i, j] = term / whole[j, j] if good else 0.0
    for i in range(1, size):
        term = sums[0, i]
        for k in range(1, i):
            term -= whole[i, k] * answer[k]
        answer[i] = term / whole[i, i] if whole[i, i] > 0.0 else 0.0
    for back in range(1, size):
        i = size - back
        term = answer[i]
        for k in range(i + 1, size):
            term -= whole[k, i] * answer[k]
        answer[i] = term / whole[i, i] if whole[i, i] > 0.0 else 0.0
    for i in range(3):
        coefficients[i] = answer[1 + i] if i < p else 0.0
    set_point(coefficients, point, 0.999)
    set_coefficients(point, coefficients)
    for i in range(p):
        answer[1 + i] = coefficients[i]
    answer[0] = -1.0
    left = 0.0
    for i in range(size):
        left += answer[i] * answer[i] * sums[i, i]
        for j in range(i + 1, size):
            left += 2.0 * answer[i] * answer[j] * sums[i, j]
    crossed = small[1]
    for i in range(r):
        for j in range(i, r):
            crossed[i, j] = crossed[j, i] = sums[p + 2 + i, p + 2 + j]
    start_covariance(coefficients, r, small)
    logdet = posterior(r, small)
    for i in range(r):
        pull = 0.0
        for j in range(r):
            pull += crossed[i, j] * answer[p + 2 + j]
        left += answer[p + 2 + i] * pull
        small[4, 1, i] = pull
    for i in range(r):
        for j in range(r):
            left -= small[4, 1, i] * small[2, i, j] * small[4, 1, j]
    return 0.5 * (n * math.log(left / n) + logdet) if left > 0.0 else math.inf

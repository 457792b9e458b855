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


@compiled
def run_lanes(w: Floats, n: int, p: int, r: int, lanes: Floats, columns: Floats, sums: Floats) -> None:
    """Add up the products of all columns: x and p lags, 1, pi and its lags.

    Args:
        w: (>= n,) the series.
        n: observations.
        p: order of the autoregression.
        r: max(p, q).
        lanes: (>= 3, LANES) theta.
        columns: (COLUMNS, LANES) scratch.
        sums: (COLUMNS, COLUMNS, LANES), written in its upper triangle.
    """
    columns[:] = 0.0
    sums[:] = 0.0
    one, size = p + 1, p + 2 + r
    history = sums[COLUMNS - 1]  # rows 0 to 2 lags of x, 3 to 5 of pi; its triangle has only the corner
    for t in range(n):
        now, pulse = w[t], 1.0 if t == 0 else 0.0
        for g in range(LANES):
            x1, x2, x3 = history[0, g], history[1, g], history[2, g]
            y1, y2, y3 = history[3, g], history[4, g], history[5, g]
            x0 = ((now - lanes[2, g] * x3) - lanes[1, g] * x2) - lanes[0, g] * x1
            y0 = ((pulse - lanes[2, g] * y3) - lanes[1, g] * y2) - lanes[0, g] * y1
            columns[0, g] = x0
            if p > 0:
                columns[1, g] = x1
            if p > 1:
                columns[2, g] = x2
            if p > 2:
                columns[3, g] = x3
            columns[one, g] = 1.0
            columns[one + 1, g] = y0
            if r > 1:
                columns[one + 2, g] = y1
            if r > 2:
                columns[one + 3, g] = y2
            history[0, g], history[1, g], history[2, g] = x0, x1, x2
            history[3, g], history[4, g], history[5, g] = y0, y1, y2
        for i in range(size):
            for j in range(i, size):
                for g in range(LANES):
                    sums[i, j, g] += columns[i, g] * columns[j, g]


@compiled
def settle_lane(
    sums: Floats, g: int, n: int, p: int, r: int, small: Floats, coefficients: Floats, point: Floats
) -> float:
    """Write the autoregression of one lane into `point`; half the profiled likelihood's n log S + log det.

    Args:
        sums: of `run_lanes`.
        g: the lane.
        n: observations.
        p: order of the autoregression.
        r: max(p, q).
        small: (10, 3, 3) scratch, see `likelihood`.
        coefficients: (6,) with the lane's theta; phi is written.
        point: (6,), written, theta's included.
    """
    size = p + 2 + r
    # Cholesky of the regressors' sums (in the lower triangle), pivots lost to rounding left out.
    whole = sums[:, :, g].copy()
    answer = small[9].reshape(9)
    for j in range(1, size):
        pivot = sums[j, j, g]
        for k in range(1, j):
            pivot -= whole[j, k] * whole[j, k]
        good = pivot > 1e-11 * sums[j, j, g]
        whole[j, j] = math.sqrt(pivot) if good else 0.0
        for i in range(j + 1, size):
            term = sums[j, i, g]
            for k in range(1, j):
                term -= whole[i, k] * whole[j, k]
            whole[i, j] = term / whole[j, j] if good else 0.0
    for i in range(1, size):
        term = sums[0, i, g]
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
        left += answer[i] * answer[i] * sums[i, i, g]
        for j in range(i + 1, size):
            left += 2.0 * answer[i] * answer[j] * sums[i, j, g]
    crossed = small[1]
    for i in range(r):
        for j in range(i, r):
            crossed[i, j] = crossed[j, i] = sums[p + 2 + i, p + 2 + j, g]
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

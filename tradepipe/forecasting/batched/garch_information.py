# ruff: noqa: FBT001 - compiled code is called by position
"""The expected information of GARCH(1,1) and GJR(1,1) at a start, from which a search takes its first metric."""

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.garch_likelihood import (
    BETA,
    LANES,
    MU,
    NATURAL,
    NU,
    SERIES,
    START,
    START_SLOPE,
    VARIANCE,
    evaluate,
)
from tradepipe.forecasting.batched.garch_parameters import jacobian, place
from tradepipe.forecasting.model import FloatArray, IntArray

INFORMATION_ROWS = 15
_RIDGE = 1e-3
_PREPARED_BARS = 500
"""The first inverse Hessian needs no more bars than this; it is scaled to all of them."""
_NU_INFORMATION = 1.46
"""E[(dl/dnu)^2] nu^4 of the law with variance 1 at nu = 8, by numerical integration; 1.40 at 12, 1.64 at 6."""


@compiled
def load(work: FloatArray, state: FloatArray, lane: int, series: FloatArray, start: float) -> None:
    """Give a lane its series and presample value."""
    for t in range(work.shape[0]):
        work[t, SERIES + lane] = series[t]
    state[START + lane] = start
    state[START_SLOPE + lane] = 0.0


@compiled
def information(work: FloatArray, state: FloatArray, sums: FloatArray) -> None:
    """Sums of the expected information after `evaluate`, all lanes.

    `sums` is (INFORMATION_ROWS LANES,): first dh/d(omega, up, down, beta), then the ten sums of their products over
    2 h^2 (upper triangle by rows), then the sum of 1/h.
    """
    for lane in range(LANES):
        start = state[START + lane]
        sums[lane], sums[LANES + lane], sums[2 * LANES + lane] = 1.0, 0.5 * start, 0.5 * start
        sums[3 * LANES + lane] = start
        for row in range(4, INFORMATION_ROWS):
            sums[row * LANES + lane] = 0.0
        sums[14 * LANES + lane] = 1.0 / work[0, VARIANCE + lane]
    for t in range(1, work.shape[0]):
        for lane in range(LANES):
            beta = state[BETA + lane]
            e = work[t - 1, SERIES + lane] - state[MU + lane]
            square = e * e
            a = 1.0 + beta * sums[lane]
            b = (0.0 if e < 0 else square) + beta * sums[LANES + lane]
            c = (square if e < 0 else 0.0) + beta * sums[2 * LANES + lane]
            d = work[t - 1, VARIANCE + lane] + beta * sums[3 * LANES + lane]
            sums[lane], sums[LANES + lane], sums[2 * LANES + lane], sums[3 * LANES + lane] = a, b, c, d
            r = 1.0 / work[t, VARIANCE + lane]
            weight = 0.5 * r * r
            a1, b1, c1, d1 = weight * a, weight * b, weight * c, weight * d
            sums[4 * LANES + lane] += a1 * a
            sums[5 * LANES + lane] += a1 * b
            sums[6 * LANES + lane] += a1 * c
            sums[7 * LANES + lane] += a1 * d
            sums[8 * LANES + lane] += b1 * b
            sums[9 * LANES + lane] += b1 * c
            sums[10 * LANES + lane] += b1 * d
            sums[11 * LANES + lane] += c1 * c
            sums[12 * LANES + lane] += c1 * d
            sums[13 * LANES + lane] += d1 * d
            sums[14 * LANES + lane] += r


@compiled
def invert(matrix: FloatArray, inverse: FloatArray) -> None:
    """Inverse of a positive definite matrix by Gauss-Jordan; `matrix` is destroyed."""
    size = len(matrix)
    inverse[:] = 0.0
    for i in range(size):
        inverse[i, i] = 1.0
    for i in range(size):
        pivot = 1.0 / matrix[i, i]
        for j in range(size):
            matrix[i, j] *= pivot
            inverse[i, j] *= pivot
        for row in range(size):
            if row != i:
                factor = matrix[row, i]
                for j in range(size):
                    matrix[row, j] -= factor * matrix[i, j]
                    inverse[row, j] -= factor * inverse[i, j]


@compiled
def inverse_information(
    state: FloatArray,
    sums: FloatArray,
    lane: int,
    observations: int,
    x: FloatArray,
    gjr: bool,
    student: bool,
    j: FloatArray,
    natural: FloatArray,
    matrix: FloatArray,
    inverse: FloatArray,
) -> None:
    """Inverse of the expected information by x, ridged; `natural` is (NATURAL, NATURAL) to work in.

    For Student t the parts of the variance and the mean are scaled as the law's information is (Lange, Little and
    Taylor, JASA 84, 1989); nu is given its own part alone, which BFGS completes.
    """
    scale, mean_scale = 1.0, 1.0
    natural[:] = 0.0
    if student:
        nu = state[NU + lane]
        scale, mean_scale = nu / (nu + 3), nu * (nu + 1) / ((nu - 2) * (nu + 3))
        natural[5, 5] = observations * _NU_INFORMATION / nu**4
    natural[0, 0] = mean_scale * sums[14 * LANES + lane]
    row = 4
    for a in range(4):
        for b in range(a, 4):
            natural[1 + a, 1 + b] = scale * sums[row * LANES + lane]
            natural[1 + b, 1 + a] = natural[1 + a, 1 + b]
            row += 1
    jacobian(x, gjr, student, j)
    size = len(x)
    for a in range(size):
        for b in range(size):
            total = 0.0
            for k in range(NATURAL):
                if j[k, a] != 0.0:
                    for m in range(NATURAL):
                        total += j[k, a] * natural[k, m] * j[m, b]
            matrix[a, b] = total
    for a in range(size):
        matrix[a, a] = matrix[a, a] * (1.0 + _RIDGE) + 1.0
    invert(matrix, inverse)


@compiled
def prepare(
    series: FloatArray,
    starts: FloatArray,
    fcp: bool,
    of: IntArray,
    points: FloatArray,
    gjr: bool,
    student: bool,
    work: FloatArray,
    state: FloatArray,
    inverses: FloatArray,
) -> None:
    """Inverse information at the start of every task into `inverses`, sixteen tasks at once."""
    bits, sums = state.view(np.int64), np.empty(INFORMATION_ROWS * LANES)
    bars = min(series.shape[1], _PREPARED_BARS)
    work = work[:bars]
    size = points.shape[1]
    j, natural, matrix = np.zeros((NATURAL, size)), np.zeros((NATURAL, NATURAL)), np.zeros((size, size))
    for first in range(0, len(of), LANES):
        for lane in range(LANES):
            task = min(first + lane, len(of) - 1)
            load(work, state, lane, series[of[task]], starts[of[task]])
            place(state, lane, points[task], gjr, student, fcp)
        evaluate(work, state, bits, student)
        information(work, state, sums)
        for lane in range(min(LANES, len(of) - first)):
            task = first + lane
            inverse_information(state, sums, lane, bars, points[task], gjr, student, j, natural, matrix, inverses[task])
            for a in range(size):  # written out: an array expression would cost seconds of compiling
                for b in range(size):
                    inverses[task, a, b] *= bars / series.shape[1]

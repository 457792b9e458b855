"""The recursion that forecasts what is common, and the autoregression of what it leaves, as kernels.

Notation of the paper (Alomar, Dahleh, Mann and Shah, SAMoSSA, NeurIPS 2023, arXiv 2305.16491): a value y is f + x, f
of low rank across time and series, x an autoregression. `beta` and `alpha` stand oldest lag first. Sums run from the
oldest lag to the newest wherever they are taken, so that a bar that comes alone gets the same bits as in a batch.
"""

from typing import Final

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.engines.samossa.eigen import dot
from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray

RANK: Final = 0
LAGS: Final = 1
MEAN: Final = 2
SCALE: Final = 3
FIXED: Final = 4
"""Columns of the parameters: rank, lags of beta, mean, standard deviation; alpha is what comes after."""


@compiled
def common_part(rows: FloatArray, vectors: FloatArray, rest: FloatArray) -> None:
    """What the orthonormal `vectors` (k, r) leave of each row of `rows` (c, >= r), into `rest` (c, r)."""
    size = vectors.shape[1]
    rest[:] = rows[:, :size]
    sums = np.empty(size)
    for c in range(len(rows)):
        for k in range(len(vectors)):
            weight = dot(rows[c], vectors[k], size, sums)
            for i in range(size):
                rest[c, i] -= weight * vectors[k, i]


@compiled
def predictions(values: FloatArray, beta: FloatArray, predicted: FloatArray) -> None:
    """Forecast f of bar t + lags from bars t to t + lags - 1: `values` (n, bars), `predicted` (n, bars - lags)."""
    lags, bars = len(beta), predicted.shape[1]
    for row in range(len(values)):
        for t in range(bars):
            predicted[row, t] = 0.0
        i = 0
        while i + 8 <= lags:
            b0, b1, b2, b3 = beta[i], beta[i + 1], beta[i + 2], beta[i + 3]
            b4, b5, b6, b7 = beta[i + 4], beta[i + 5], beta[i + 6], beta[i + 7]
            for t in range(bars):
                predicted[row, t] = (
                    predicted[row, t]
                    + b0 * values[row, t + i]
                    + b1 * values[row, t + i + 1]
                    + b2 * values[row, t + i + 2]
                    + b3 * values[row, t + i + 3]
                    + b4 * values[row, t + i + 4]
                    + b5 * values[row, t + i + 5]
                    + b6 * values[row, t + i + 6]
                    + b7 * values[row, t + i + 7]
                )
            i += 8
        while i < lags:
            b0 = beta[i]
            for t in range(bars):
                predicted[row, t] += b0 * values[row, t + i]
            i += 1


@compiled
def autoregress(rest: FloatArray, alpha: FloatArray) -> None:
    """Least squares of each row of `rest` (n, bars) on its last p values, no constant, into `alpha` (n, p).

    A row that leaves nothing to fit, or collinear lags, gets 0.
    """
    lags = alpha.shape[1]
    normal, sums = np.empty((lags, lags + 1)), np.empty(rest.shape[1])
    for row in range(len(alpha)):
        autoregress_one(rest[row], normal, sums, alpha[row])


@compiled
def autoregress_one(x: FloatArray, normal: FloatArray, sums: FloatArray, alpha: FloatArray) -> None:
    """`autoregress` of one row (bars,), into (p,); `normal` (p, p + 1) and `sums` (bars,) are scratch.

    Row and column (i + 1, j + 1) of the normal equations is (i, j) moved on by a bar.
    """
    lags = len(alpha)
    bars = len(x) - lags
    for j in range(lags + 1):
        total = dot(x, x[j:], bars, sums)
        for i in range(min(lags, lags - j + 1)):
            normal[i, i + j] = total
            if i + j < lags:
                total += x[i + bars] * x[i + j + bars] - x[i] * x[i + j]
    for i in range(lags):
        for j in range(i):
            normal[i, j] = normal[j, i]
    solvable = lags > 0 and normal[0, 0] > 1e-20 * bars
    for i in range(lags):
        if not solvable:
            break
        for k in range(i):
            ratio = normal[i, k] / normal[k, k]
            for j in range(k, lags + 1):
                normal[i, j] -= ratio * normal[k, j]
        solvable = normal[i, i] > 1e-12 * normal[0, 0]
    for i in range(lags - 1, -1, -1):
        if not solvable:
            alpha[i] = 0.0
            continue
        value = normal[i, lags]
        for j in range(i + 1, lags):
            value -= normal[i, j] * alpha[j]
        alpha[i] = value / normal[i, i]


@compiled
def contracting(rows: FloatArray, radius: float, verdicts: BoolArray) -> None:
    """Whether all roots of z^p - sum rows[:, i] z^i lie within `radius`: the recursion does not grow faster.

    Schur and Cohn's criterion by the step-down recursion (Kay, Modern Spectral Estimation, 1988, section 6.4): O(p^2),
    where eigenvalues of the companion matrix are O(p^3). The polynomial is scaled so that the circle has radius 1.
    """
    count, order = rows.shape
    a, b = np.empty(order), np.empty(order)
    for row in range(count):
        power = 1.0
        for i in range(order):  # a[i] is the coefficient of z^-(i + 1)
            power /= radius
            a[i] = -rows[row, order - 1 - i] * power
        verdicts[row] = True
        for m in range(order - 1, -1, -1):
            last = a[m]
            if not abs(last) < 1.0:
                verdicts[row] = False
                break
            share = 1.0 / (1.0 - last * last)
            for i in range(m):
                b[i] = (a[i] - last * a[m - 1 - i]) * share
            for i in range(m):
                a[i] = b[i]


@compiled
def one_step(rests: FloatArray, alpha: FloatArray, errors: FloatArray) -> None:
    """What the autoregression leaves of `rests` (n, bars), into `errors`; before the first bar all was 0."""
    order = alpha.shape[1]
    for row in range(len(rests)):
        for t in range(rests.shape[1]):
            expected = 0.0
            for i in range(max(0, order - t), order):
                expected += alpha[row, i] * rests[row, t - order + i]
            errors[row, t] = rests[row, t] - expected


@compiled
def carry(parameters: FloatArray, state: FloatArray, values: FloatArray, offsets: IntArray, errors: FloatArray) -> None:
    """Take new bars in, `values` of series i in [offsets[i], offsets[i + 1]): `state` moves on, `errors` are one-step.

    A missing value is taken to be what was expected of it; its error is NaN.
    """
    order = parameters.shape[1] - FIXED
    for row in range(len(state)):
        lags = int(state[row, 0])
        mean, scale, alpha = parameters[row, MEAN], parameters[row, SCALE], parameters[row, FIXED:]
        beta, recent = state[row, 1 : 1 + lags], state[row, 1 + lags : 1 + 2 * lags]
        rests = state[row, 1 + 2 * lags : 1 + 2 * lags + order]
        for place in range(offsets[row], offsets[row + 1]):
            if lags == 0:
                errors[place] = np.nan
                continue
            common, expected = 0.0, 0.0
            for i in range(lags):
                common += beta[i] * recent[i]
            for i in range(order):
                expected += alpha[i] * rests[i]
            value = (values[place] - mean) / scale
            rest = value - common
            errors[place] = scale * (rest - expected)
            if not np.isfinite(value):
                value, rest, errors[place] = common + expected, expected, np.nan
            for i in range(lags - 1):
                recent[i] = recent[i + 1]
            recent[lags - 1] = value
            for i in range(order - 1):
                rests[i] = rests[i + 1]
            if order:
                rests[order - 1] = rest


@compiled
def ahead(parameters: FloatArray, state: FloatArray, mean: FloatArray, response: FloatArray) -> None:
    """Forecasts (series, H): f feeds on itself, x on itself; and what a unit error adds from its own bar on."""
    order, steps = parameters.shape[1] - FIXED, mean.shape[1]
    for row in range(len(state)):
        lags = int(state[row, 0])
        if lags == 0:
            mean[row], response[row] = np.nan, np.nan
            continue
        beta, alpha = state[row, 1 : 1 + lags], parameters[row, FIXED:]
        f, x = np.zeros(lags + steps), np.zeros(order + steps)
        f[:lags] = state[row, 1 + lags : 1 + 2 * lags]
        x[:order] = state[row, 1 + 2 * lags : 1 + 2 * lags + order]
        for h in range(steps):
            feed(beta, f, h)
            feed(alpha, x, h)
            mean[row, h] = parameters[row, MEAN] + parameters[row, SCALE] * (f[lags + h] + x[order + h])
        f[:], x[:] = 0.0, 0.0
        f[lags], x[order], response[row, 0] = 1.0, 1.0, 1.0
        for h in range(1, steps):
            feed(beta, f, h)
            feed(alpha, x, h)
            response[row, h] = f[lags + h] + x[order + h]


@compiled
def feed(weights: FloatArray, path: FloatArray, start: int) -> None:
    """The next value of a recursion whose last ones are path[start:], behind them."""
    lags = len(weights)
    total = 0.0
    for i in range(lags):
        total += weights[i] * path[start + i]
    path[start + lags] = total

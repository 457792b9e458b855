"""What cross-validation computes for all ranks at once, as kernels.

Nothing here is seen by a fit: sums may run in another order than those of `recursion`, which a single bar repeats.
"""

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.engines.samossa.eigen import dot
from tradepipe.forecasting.engines.samossa.recursion import autoregress_one, contracting
from tradepipe.forecasting.model import FloatArray, IntArray


@compiled
def rest_of_ranks(rows: FloatArray, vectors: FloatArray, ranks: IntArray, radius: float, alpha: FloatArray) -> None:
    """Autoregressions of what the first `ranks[k]` of the `vectors` leave of each series, into alpha (k, series, p).

    Vectors are taken off one after another, so that each rank goes on where the one before it stopped. An
    autoregression that explodes beyond `radius` is left off: all 0.

    Args:
        rows: (columns, >= R) of the Page matrix, a series' columns one after another.
        vectors: (largest rank, R), orthonormal.
        ranks: (k,) ascending.
        radius: see `recursion.contracting`.
        alpha: written.
    """
    count, series, order = alpha.shape
    size, each = vectors.shape[1], len(rows) // series
    rest, weights = np.empty(each * size), np.empty((each, len(vectors)))
    normal, sums, verdicts = np.empty((order, order + 1)), np.empty(each * size), np.empty(series, dtype=np.bool_)
    for s in range(series):
        for c in range(each):
            row = rows[s * each + c]
            for m in range(ranks[count - 1]):
                weights[c, m] = dot(row, vectors[m], size, sums)
            rest[c * size : (c + 1) * size] = row[:size]
        taken = 0
        for k in range(count):
            for m in range(taken, ranks[k]):
                vector = vectors[m]
                for c in range(each):
                    weight, own = weights[c, m], rest[c * size : (c + 1) * size]
                    for i in range(size):
                        own[i] -= weight * vector[i]
            taken = ranks[k]
            autoregress_one(rest, normal, sums, alpha[k, s])
    for k in range(count):
        contracting(alpha[k], radius, verdicts)
        for s in range(series):
            if not verdicts[s]:
                alpha[k, s] = 0.0


@compiled
def losses_of_ranks(
    standard: FloatArray,
    origin: int,
    betas: FloatArray,
    alpha: FloatArray,
    begin: int,
    end: int,
    rests: FloatArray,
    losses: FloatArray,
) -> None:
    """Sums of squared one-step errors from bar `origin` on, of series `begin` to `end`, into losses (k, series).

    Args:
        standard: (series, bars).
        origin: the first bar that is forecast.
        betas: (>= k, lags) recursions of what is common, a multiple of four.
        alpha: (k, series, p) autoregressions of the rests.
        begin: first series.
        end: after the last one.
        rests: (as many as `betas`, >= bars from `origin` on + p) scratch.
        losses: written.
    """
    count, order, lags = len(alpha), alpha.shape[2], betas.shape[1]
    bars = standard.shape[1] - origin + order
    known, errors, sums = np.zeros(lags + rests.shape[1]), np.empty(bars), np.empty(bars)
    for s in range(begin, end):
        known[: lags + bars] = standard[s, origin - lags - order :]
        for k in range(0, count, 4):
            _predict_four(known, betas[k : k + 4], rests[k : k + 4])
        for k in range(count):
            own = rests[k]
            for t in range(bars):
                own[t] = known[lags + t] - own[t]
            for t in range(order, bars):
                errors[t - order] = own[t]
            for i in range(order):
                weight = alpha[k, s, i]
                for t in range(order, bars):
                    errors[t - order] -= weight * own[t - order + i]
            losses[k, s] = dot(errors, errors, bars - order, sums)


@compiled
def _predict_four(values: FloatArray, betas: FloatArray, predicted: FloatArray) -> None:
    """As `recursion.predictions` of one series by four recursions, which share what is read of `values`."""
    lags, bars = betas.shape[1], predicted.shape[1]
    predicted[:] = 0.0
    p0, p1, p2, p3 = predicted[0], predicted[1], predicted[2], predicted[3]
    a, b, c, d = betas[0], betas[1], betas[2], betas[3]
    i = 0
    while i + 4 <= lags:
        a0, a1, a2, a3 = a[i], a[i + 1], a[i + 2], a[i + 3]
        b0, b1, b2, b3 = b[i], b[i + 1], b[i + 2], b[i + 3]
        c0, c1, c2, c3 = c[i], c[i + 1], c[i + 2], c[i + 3]
        d0, d1, d2, d3 = d[i], d[i + 1], d[i + 2], d[i + 3]
        for t in range(bars):
            x0, x1, x2, x3 = values[t + i], values[t + i + 1], values[t + i + 2], values[t + i + 3]
            first = p0[t] + a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
            second = p1[t] + b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
            third = p2[t] + c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3
            fourth = p3[t] + d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3
            p0[t], p1[t], p2[t], p3[t] = first, second, third, fourth
        i += 4
    while i < lags:
        for t in range(bars):
            p0[t] += a[i] * values[t + i]
            p1[t] += b[i] * values[t + i]
            p2[t] += c[i] * values[t + i]
            p3[t] += d[i] * values[t + i]
        i += 1

"""Exact Gaussian likelihood of a seasonal ARMA beside regressors.

The polynomials are products, phi(B) Phi(B^s) and theta(B) Theta(B^s); see `gains` for the filter, which costs O(r) a
bar until its start is forgotten and O(p + q + P + Q) after. Values and regressors pass the same filter, so that the
coefficients of the regressors, the constant among them, are least squares of filtered on filtered columns, and the
variance is S / n: neither is searched for (generalised least squares; Harvey and Phillips 1979, "Maximum likelihood
estimation of regression models with autoregressive-moving average disturbances", Biometrika 66).
"""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched.gains import first_column, is_faded, start_gains, step_gains
from tradepipe.forecasting.batched.polynomials import Floats, Integers, expand

_RANK = 1e-10
"""Share of a filtered regressor that the others leave over, below which it counts as one of them."""


@compiled
def product_value(
    shape: Integers, row: Floats, columns: Floats, n: int, filtered: Floats, roots: Floats, weights: Floats
) -> tuple[float, float]:
    """Half of n log(S / n) + log det, which is minus the log-likelihood but for n (log 2 pi + 1) / 2; and S.

    Args:
        shape: (8,) see `polynomials.expand`.
        row: (>= 10,) coefficients.
        columns: (1 + regressors, >= n): the differenced values, then the regressors.
        n: observations.
        filtered: (1 + regressors, >= n), written: one-step errors of each column.
        roots: (>= n,), written: square roots of F.
        weights: (1 + regressors,), written: minus 1, then the regressors' coefficients.
    """
    r, count = shape[6], len(columns)
    ar, ma, gains = np.zeros(r), np.zeros(r), np.zeros((2, r))
    first, own = np.zeros(r + 1), np.zeros((count, r))
    gram = np.zeros((count, count))
    expand(shape, row, ar, ma)
    first_column(ar, ma, r, np.zeros((5, 2 * r + 2)), first)
    factor = start_gains(ar, ma, r, first, gains)
    half_logdet, begin = 0.0, n
    for t in range(n):
        roots[t] = math.sqrt(factor)
        half_logdet += 0.5 * math.log(factor)
        for c in range(count):
            head = own[c, 0]
            error = columns[c, t] - head
            filtered[c, t] = error
            pull = error / factor
            for i in range(r - 1):
                own[c, i] = ar[i] * head + own[c, i + 1] + gains[0, i] * pull
            own[c, r - 1] = ar[r - 1] * head + gains[0, r - 1] * pull
            for other in range(c + 1):
                gram[c, other] += pull * filtered[other, t]
        factor = step_gains(ar, ma, r, gains, factor)
        if t + 1 >= r and is_faded(gains):
            begin = t + 1
            break
    _run_settled(ar, ma, r, columns, begin, n, filtered, roots, gram)
    squares = _regress(gram, weights)
    if not (squares > 0.0 and half_logdet < math.inf):
        return math.inf, squares
    value: float = 0.5 * n * math.log(squares / n) + half_logdet
    return value, squares


@compiled
def _run_settled(
    ar: Floats, ma: Floats, r: int, columns: Floats, begin: int, n: int, filtered: Floats, roots: Floats, gram: Floats
) -> None:
    """The bars from `begin` on, where F = 1: only lags with a coefficient cost."""
    count = len(columns)
    lags, weights, size = np.zeros(r, np.int64), np.zeros(r), 0
    for i in range(r):
        if ma[i] != 0.0:
            lags[size], weights[size] = i + 1, ma[i]
            size += 1
    for c in range(count):
        for t in range(begin, n):
            filtered[c, t] = columns[c, t]
        for i in range(r):
            if ar[i] != 0.0:
                for t in range(begin, n):
                    filtered[c, t] -= ar[i] * columns[c, t - 1 - i]
        for t in range(begin, n):
            error = filtered[c, t]
            for k in range(size - 1, -1, -1):
                error -= weights[k] * filtered[c, t - lags[k]]
            filtered[c, t] = error
    for t in range(begin, n):
        roots[t] = 1.0
        for c in range(count):
            for other in range(c + 1):
                gram[c, other] += filtered[c, t] * filtered[other, t]


@compiled
def _regress(gram: Floats, weights: Floats) -> float:
    """Least squares of column 0 on the others, from the lower triangle of the sums of products; the sum left over.

    A column that the others hold already gets the coefficient 0.
    """
    count = len(gram)
    lower = np.zeros((count, count))
    weights[:] = 0.0
    weights[0] = -1.0
    squares = gram[0, 0]
    for j in range(1, count):
        pivot, pull = gram[j, j], gram[j, 0]
        for k in range(1, j):
            lower[j, k] = gram[j, k]
            for m in range(1, k):
                lower[j, k] -= lower[j, m] * lower[k, m]
            lower[j, k] = lower[j, k] / lower[k, k] if lower[k, k] > 0.0 else 0.0
            pivot -= lower[j, k] * lower[j, k]
            pull -= lower[j, k] * lower[k, 0]
        if pivot > _RANK * gram[j, j]:
            lower[j, j] = math.sqrt(pivot)
            lower[j, 0] = pull / lower[j, j]
            squares -= lower[j, 0] * lower[j, 0]
    for j in range(count - 1, 0, -1):
        term = lower[j, 0]
        for k in range(j + 1, count):
            term -= lower[k, j] * weights[k]
        weights[j] = term / lower[j, j] if lower[j, j] > 0.0 else 0.0
    result: float = squares
    return result


@compiled
def combine(n: int, columns: Floats, weights: Floats, combined: Floats) -> None:
    """Write the first column less what the others explain of it, (n,); filtered or not."""
    for t in range(n):
        combined[t] = -weights[0] * columns[0, t]
    for c in range(1, len(weights)):
        for t in range(n):
            combined[t] -= weights[c] * columns[c, t]

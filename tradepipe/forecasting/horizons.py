"""From per-step forecasts to the cumulative return over 1..H bars, for many series at once.

All sums over steps are written out element by element, so that a series' numbers do not depend, to the last bit, on
how many others are computed beside it (a matrix product may add in another order).
"""

import numpy as np

from tradepipe.forecasting.model import FloatArray


def cumulate(mean: FloatArray, response: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of y(t+1) + ... + y(t+h) for h = 1..H.

    The error of the sum is sum_{i=1..h} Psi(h-i) e(t+i) with Psi(m) = psi(0) + ... + psi(m). The innovations are a
    martingale difference sequence, hence uncorrelated, so Var = sum_{i=1..h} Psi(h-i)^2 E[e(t+i)^2 | t]: the multi-step
    prediction variance of Baillie & Bollerslev (1992), "Prediction in dynamic models with time-dependent conditional
    variances", J. Econometrics 52, with the weights summed because the sum is forecast. Parameters are taken as known.

    Args:
        mean: (series, H) per-step means.
        response: (series, H) psi(0), psi(1), ...: what a unit innovation adds to its own bar and to those after it.
        variance: (series, H) per-step innovation variances.

    Returns:
        Two (series, H) arrays, in units of the values and of their squares.
    """
    weights = running_sum(response) ** 2
    total = np.empty_like(variance)
    for h in range(variance.shape[1]):
        sum_ = weights[:, h] * variance[:, 0]
        for i in range(1, h + 1):
            sum_ = sum_ + weights[:, h - i] * variance[:, i]
        total[:, h] = sum_
    return running_sum(mean), total


def running_sum(steps: FloatArray) -> FloatArray:
    """(series, H): sums over 1..h, added in the order of the steps."""
    sums = np.array(steps, dtype=np.float64)
    for h in range(1, sums.shape[1]):
        sums[:, h] = sums[:, h - 1] + sums[:, h]
    return sums

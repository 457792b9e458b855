"""From a one-step model to the cumulative return over 1..H bars, for many origins at once.

Every array has one column per origin. All sums over lags and states are written out element by
element, so that an origin's numbers do not depend, to the last bit, on how many other origins
are computed beside it (a matrix product may add in another order).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tradepipe.forecasting.specs import FloatArray


@dataclass(frozen=True)
class StateSpace:
    """y(t) = design a(t), a(t+1) = intercept + transition a(t) + selection e(t), for k states.

    Attributes:
        transition: (k, k).
        intercept: (k,).
        design: (k,).
        selection: (k,), one innovation.
    """

    transition: FloatArray
    intercept: FloatArray
    design: FloatArray
    selection: FloatArray


@dataclass(frozen=True)
class Garch:
    """h(t) = omega + sum_i alpha_i e(t-i)^2 + sum_j beta_j h(t-j).

    Attributes:
        omega: constant, in squared units of the innovations.
        alpha: (p,) coefficients of lagged squares.
        beta: (q,) coefficients of lagged variances.
    """

    omega: float
    alpha: FloatArray
    beta: FloatArray


def state_means(model: StateSpace, states: FloatArray, horizon: int) -> FloatArray:
    """Per-step means E[y(t+1..t+H) | t].

    Args:
        model: k states.
        states: (k, origins) predicted state of bar t+1, given everything up to origin t.
        horizon: H.

    Returns:
        (H, origins) array, in the units of y.
    """
    size = range(len(model.design))
    state = [states[row] for row in size]
    means = []
    for _ in range(horizon):
        means.append(_total(model.design[row] * state[row] for row in size))
        state = [
            model.intercept[row] + _total(model.transition[row, column] * state[column] for column in size)
            for row in size
        ]
    return np.array(means)


def impulse_response(model: StateSpace, horizon: int) -> FloatArray:
    """Weights psi(j) of the MA(infinity) form: what a unit innovation at t adds to y(t+j), j = 0..H-1.

    An innovation e(t) enters the state of t+1, so psi(0) = design selection stands for its effect
    on the bar whose one-step error it is.

    Returns:
        (H,) array.
    """
    response = []
    state = model.selection
    for _ in range(horizon):
        response.append(float(model.design @ state))
        state = model.transition @ state
    return np.array(response)


def garch_variances(model: Garch, squares: FloatArray, variances: FloatArray, horizon: int) -> FloatArray:
    """Per-step variances E[e(t+k)^2 | t], k = 1..H.

    The recursion of `Garch`, where the expectation of a future square is the future variance
    (Bollerslev 1986, "Generalized autoregressive conditional heteroskedasticity", J. Econometrics 31;
    Baillie & Bollerslev 1992, section 3).

    Args:
        model: p lags of squares and q of variances.
        squares: (p or more, origins) e(t)^2, e(t-1)^2, ...
        variances: (q or more, origins) h(t), h(t-1), ...
        horizon: H.

    Returns:
        (H, origins) array, in squared units of the innovations.
    """
    ahead: list[FloatArray] = []
    for step in range(1, horizon + 1):
        terms = [
            coefficient * (ahead[step - lag - 1] if step > lag else past[lag - step])
            for past, coefficients in ((squares, model.alpha), (variances, model.beta))
            for lag, coefficient in enumerate(coefficients, start=1)
        ]
        ahead.append(model.omega + _total(terms))
    return np.array(ahead)


def cumulate(means: FloatArray, variances: FloatArray, psi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of y(t+1) + ... + y(t+h) for h = 1..H.

    The error of the sum is sum_{i=1..h} Psi(h-i) e(t+i) with Psi(m) = psi(0) + ... + psi(m).
    The innovations are a martingale difference sequence, hence uncorrelated, so
    Var = sum_{i=1..h} Psi(h-i)^2 E[e(t+i)^2 | t]: the multi-step prediction variance of Baillie &
    Bollerslev (1992), "Prediction in dynamic models with time-dependent conditional variances",
    J. Econometrics 52, with the weights summed because the sum is forecast. Parameters are taken
    as known.

    Args:
        means: (H, origins) per-step means.
        variances: (H, origins) per-step innovation variances.
        psi: (H,) impulse response, psi(0) first.

    Returns:
        Two (H, origins) arrays.
    """
    weights = np.cumsum(psi) ** 2
    variance = [_total(weights[h - i] * variances[i] for i in range(h + 1)) for h in range(len(psi))]
    return np.cumsum(means, axis=0), np.array(variance)


def _total(terms: Iterable[FloatArray]) -> FloatArray:
    """Sum of equally shaped arrays, left to right."""
    iterator = iter(terms)
    total = next(iterator)
    for term in iterator:
        total = total + term  # in place would write into the first term
    return total


def cumulative(mean: FloatArray, response: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
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

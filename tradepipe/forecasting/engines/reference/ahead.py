"""Variances of several bars ahead, without simulation."""

import math

import numpy as np

from tradepipe.forecasting.engines.reference.parts import LARGEST_LOG, MEAN_SIZE, Parts
from tradepipe.forecasting.model import FloatArray

QUANTILES = 2000
"""Equally likely points by which expectations over a law are taken where no closed form serves."""


def variances_ahead(parts: Parts, parameters: FloatArray, state: FloatArray, horizon: int) -> FloatArray:
    """E[e(t+k)^2 | t], k = 1..H, (H,).

    GARCH and GJR: the recursion with future squares replaced by future variances (Baillie and Bollerslev 1992, J.
    Econometrics 52, section 3). EGARCH: log h is linear in functions of independent shocks, so the expectation is a
    product over shocks of E[exp(a (|z| - sqrt(2 / pi)) + b z)], in closed form for the normal law. Under Student t
    laws that moment does not exist (Nelson 1991, Econometrica 59), so there it is taken over 2000 equally likely
    quantiles, which cuts the law 0.025 % short at either end; a simulation would cut it by chance.
    """
    ahead = _egarch if parts.spec.family == "egarch" else _recursion
    return ahead(parts, parameters, state, horizon)


def _recursion(parts: Parts, parameters: FloatArray, state: FloatArray, horizon: int) -> FloatArray:
    """Variances where each innovation ahead stands for its expectation."""
    found, after = np.empty(horizon), state
    for step in range(horizon):
        found[step] = parts.next_variance(parameters, after)
        after = parts.following(parameters, after, math.nan)
    return found


def _egarch(parts: Parts, parameters: FloatArray, state: FloatArray, horizon: int) -> FloatArray:
    _, alpha, gamma, beta = parts.variance_parts(parameters)
    # path of log h without future shocks: a shock not known adds nothing in `Parts.next_variance`
    quiet = np.log(_recursion(parts, parameters, state, horizon))
    response = np.zeros(horizon)  # of log h to a unit of log h, lags after
    if horizon:
        response[0] = 1.0
    for step in range(1, horizon):
        response[step] = sum(beta[lag] * response[step - 1 - lag] for lag in range(min(len(beta), step)))
    # what the shock of a bar adds to log h, bars after
    size, slope = np.zeros(horizon), np.zeros(horizon)
    for after in range(1, horizon):
        for lag in range(min(len(alpha), after)):
            size[after] += response[after - 1 - lag] * alpha[lag]
            slope[after] += response[after - 1 - lag] * gamma[lag]
    logs = [_log_moment(parts, parameters, size[after], slope[after]) for after in range(1, horizon)]
    found: FloatArray = np.exp(np.minimum(quiet + np.concatenate([[0.0], np.cumsum(logs)])[:horizon], LARGEST_LOG))
    return found


def _log_moment(parts: Parts, parameters: FloatArray, size: float, slope: float) -> float:
    """Log of E[exp(size (|z| - sqrt(2 / pi)) + slope z)] under the law of the spec."""
    if parts.spec.distribution == "normal":
        from scipy.special import log_ndtr  # noqa: PLC0415 - arch has imported it by now

        up, down = size + slope, size - slope
        halves = np.logaddexp(0.5 * up * up + log_ndtr(up), 0.5 * down * down + log_ndtr(down))
        return float(halves) - size * MEAN_SIZE
    chances = (np.arange(QUANTILES) + 0.5) / QUANTILES
    freedom, skew = parts.law(parameters)
    from arch.univariate import SkewStudent, StudentsT  # noqa: PLC0415 - imported with the fit

    law = SkewStudent() if parts.spec.distribution == "skewt" else StudentsT()
    shocks = law.ppf(chances, np.array([freedom, skew][: law.num_params]))
    exponents = size * (np.abs(shocks) - MEAN_SIZE) + slope * shocks
    largest = float(exponents.max())
    return largest + math.log(float(np.mean(np.exp(exponents - largest))))

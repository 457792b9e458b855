"""Scores of a whole law: log density and CRPS in closed form, of the normal and the Student t."""

import math

import numpy as np

from tradepipe.forecasting.model import FloatArray

_NORMAL_FROM = 1e6
"""Degrees of freedom from which the t law is scored as normal: the scores differ by less than they are rounded."""

_LEAST_SPREAD = 1e-250
_LARGEST_SQUARE = 1e300  # a hopeless law scores badly, not infinitely: no symbol may spoil a batch


def law_scores(error: FloatArray, volatility: FloatArray, freedom: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log score and CRPS of outcomes under laws of given standard deviation.

    The log score is the log density at the outcome, in nats: higher is better. CRPS, in units of the
    outcome: lower is better. Normal: Gneiting & Raftery (2007), "Strictly proper scoring rules,
    prediction, and estimation", JASA 102, equation 21. Student t: Jordan, Krueger & Lerch (2019),
    "Evaluating probabilistic forecasts with scoringRules", J. Statistical Software 90(12), appendix A,
    with scale volatility sqrt((nu - 2) / nu), so that the standard deviation is as stated.

    Args:
        error: (n,) outcome less mean.
        volatility: (n,) standard deviation, positive.
        freedom: (n,) degrees of freedom above 2; NaN or inf: normal.

    Returns:
        Two (n,) arrays.
    """
    from scipy.special import betaln, gammaln, ndtr, stdtr  # noqa: PLC0415 - the library's import stays light

    log_score, crps = np.empty_like(error), np.empty_like(error)
    student = np.nan_to_num(freedom, nan=math.inf) < _NORMAL_FROM
    normal = ~student
    spread = np.maximum(volatility[normal], _LEAST_SPREAD)
    z = error[normal] / spread
    squares = _squares(z)
    log_score[normal] = -0.5 * squares - np.log(spread) - 0.5 * math.log(2 * math.pi)
    density = np.exp(-0.5 * squares) / math.sqrt(2 * math.pi)
    crps[normal] = spread * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi))

    nu = freedom[student]
    spread = np.maximum(volatility[student] * np.sqrt((nu - 2) / nu), _LEAST_SPREAD)
    z = error[student] / spread
    squares = _squares(z)
    log_density = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * math.pi)
    log_density -= (nu + 1) / 2 * np.log1p(squares / nu)
    log_score[student] = log_density - np.log(spread)
    mean_distance = np.exp(betaln(0.5, nu - 0.5) - 2 * betaln(0.5, nu / 2)) * 2 * np.sqrt(nu) / (nu - 1)
    tail = 2 * np.exp(log_density) * (nu + squares) / (nu - 1)
    crps[student] = spread * (z * (2 * stdtr(nu, z) - 1) + tail - mean_distance)
    return log_score, crps


def _squares(z: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        squares: FloatArray = np.minimum(z * z, _LARGEST_SQUARE)
    return squares

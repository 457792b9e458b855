"""Variances, forecasts and likelihoods at parameters that are kept: nothing here fits."""

import math
from collections.abc import Sequence

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched import garch_likelihood as likelihood
from tradepipe.forecasting.batched.garch_likelihood import following
from tradepipe.forecasting.batched.garch_model import MEAN, OMEGA, GarchModel, persistence_of
from tradepipe.forecasting.batched.garch_series import of_equal_length, standardised, to_natural
from tradepipe.forecasting.model import FloatArray, IntArray


@compiled
def carry(values: FloatArray, ends: IntArray, natural: FloatArray, variances: FloatArray) -> None:
    """Carry the variance of every series' next bar over new bars, in place.

    Args:
        values: the new bars of all series, one after the other. One that is not finite, or whose square is not,
            counts as missing: its squared innovation is taken to be what was expected.
        ends: (series,), where each series ends in `values`.
        natural: (series, 6), mu, omega, up, down, beta, nu.
        variances: (series,).
    """
    begin = 0
    for row in range(len(ends)):
        mu, omega, beta = natural[row, 0], natural[row, 1], natural[row, 4]
        up, down = natural[row, 2], natural[row, 3]
        h = variances[row]
        for t in range(begin, ends[row]):
            after = following(h, values[t] - mu, omega, up, down, beta)
            h = after if math.isfinite(after) else omega + (0.5 * (up + down) + beta) * h
        variances[row] = h
        begin = ends[row]


def first_variances(returns: Sequence[FloatArray], parameters: FloatArray, model: GarchModel) -> FloatArray:
    """The variance of each series' first bar, from the presample value.

    Args:
        returns: 1-D arrays, all values finite.
        parameters: (series, 6), as in `GarchFits`.
        model: whose presample rule.
    """
    first = np.empty(len(returns))
    for places in of_equal_length(returns):
        block = np.array([returns[i] for i in places], dtype=np.float64)
        center, scale, _, starts = standardised(block, model.mean)
        if model.presample == "sample":
            starts = 1 + ((parameters[places, MEAN] - center) / scale) ** 2
        first[places] = starts * scale**2
    return parameters[:, OMEGA] + persistence_of(parameters) * first


def carried_variances(variances: FloatArray, returns: Sequence[FloatArray], parameters: FloatArray) -> FloatArray:
    """The variance of the bar after the new ones.

    Args:
        variances: (series,), of the first new bar.
        returns: 1-D arrays, the new bars; lengths may differ. NaN: missing.
        parameters: (series, 6), as in `GarchFits`.

    Returns:
        (series,).
    """
    after = np.array(variances, dtype=np.float64)
    ends = np.cumsum([len(one) for one in returns], dtype=np.int64)
    unchanged = np.zeros(len(returns)), np.ones(len(returns))
    values = np.concatenate(returns, dtype=np.float64) if len(returns) else np.empty(0)
    carry(values, ends, to_natural(parameters, *unchanged), after)
    return after


def forecast_variances(variances: FloatArray, parameters: FloatArray, horizon: int) -> FloatArray:
    """Expected variances of the bars ahead: h_k = omega + persistence h_{k-1}, for laws symmetric about the mean.

    Args:
        variances: (series,), of the next bar.
        parameters: (series, 6), as in `GarchFits`.
        horizon: H, at least 1.

    Returns:
        (series, H), in the units of the returns, squared.

    Raises:
        ValueError: the horizon is not positive.
    """
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}; it must be at least 1")
    ahead = np.empty((len(variances), horizon))
    ahead[:, 0] = variances
    persistence = persistence_of(parameters)
    for step in range(1, horizon):
        ahead[:, step] = parameters[:, OMEGA] + persistence * ahead[:, step - 1]
    return ahead


def log_likelihoods(returns: FloatArray, parameters: FloatArray, model: GarchModel) -> tuple[FloatArray, FloatArray]:
    """Log-likelihood and its gradient at given parameters.

    Args:
        returns: (series, bars).
        parameters: (series, 6), as in `GarchFits`.
        model: which law, presample value and mean.

    Returns:
        (series,), and (series, 6) derivatives by mean, omega, alpha, gamma, beta, nu (0 under the normal law; that by
        a mean of zero is as if it were free).
    """
    series, bars = returns.shape
    center, scale, standard, starts = standardised(returns, model.mean)
    natural = to_natural(parameters, center, scale)
    work, state = np.zeros((bars, likelihood.RECORD)), np.ones(likelihood.ROWS * likelihood.LANES)
    rows = state.reshape(likelihood.ROWS, likelihood.LANES)
    answers = np.empty((series, 7))
    first = likelihood.COST // likelihood.LANES
    for begin in range(0, series, likelihood.LANES):
        block = np.arange(begin, min(begin + likelihood.LANES, series))
        lanes = np.resize(block, likelihood.LANES)
        work[:, : likelihood.LANES] = standard[lanes].T
        rows[:6] = natural[lanes].T
        rows[6], rows[7] = starts[lanes], 0.0
        if model.presample == "sample":
            rows[6], rows[7] = 1 + rows[0] ** 2, 2 * rows[0]
        likelihood.evaluate(work, state, state.view(np.int64), model.student)
        answers[block] = rows[first : first + 7, : len(block)].T
    values = -answers[:, 0] - bars * np.log(scale)
    g_mu, g_omega, g_up, g_down, g_beta, g_nu = -answers[:, 1:].T
    return values, np.stack([g_mu / scale, g_omega / scale**2, g_up + g_down, g_down, g_beta, g_nu], axis=1)

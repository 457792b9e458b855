"""Variances, forecasts and likelihoods at parameters that are kept: nothing here fits."""

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.batched import garch_likelihood as likelihood
from tradepipe.forecasting.batched.garch_likelihood import following
from tradepipe.forecasting.batched.garch_model import OMEGA, GarchFits, GarchModel
from tradepipe.forecasting.batched.garch_series import standardised, to_natural
from tradepipe.forecasting.specs import FloatArray


@compiled
def filtered(series: FloatArray, starts: FloatArray, natural: FloatArray, variances: FloatArray) -> None:
    """Variances of every series at (mu, omega, up, down, beta, nu), one entry more than bars, into `variances`."""
    for row in range(len(series)):
        mu, omega, beta = natural[row, 0], natural[row, 1], natural[row, 4]
        up, down = natural[row, 2], natural[row, 3]
        h = omega + (0.5 * (up + down) + beta) * starts[row]
        variances[row, 0] = h
        for t in range(series.shape[1]):
            h = following(h, series[row, t] - mu, omega, up, down, beta)
            variances[row, t + 1] = h


def variances(returns: FloatArray, fits: GarchFits) -> FloatArray:
    """Filter series through their fitted models, without refitting.

    Args:
        returns: (series, bars) the models were fitted to.
        fits: of the same series.

    Returns:
        (series, bars + 1): entry t is the variance of bar t given those before it, the last one that of the next bar.
        A row of NaN where there is no fit.
    """
    center, scale, standard, starts = standardised(returns)
    natural = to_natural(fits.parameters, center, scale)
    if fits.model.presample == "sample":
        starts = 1 + natural[:, 0] ** 2
    h = np.empty((len(returns), returns.shape[1] + 1))
    filtered(standard, starts, natural, h)
    return h * scale[:, None] ** 2


def update_variances(next_variances: FloatArray, returns: FloatArray, fits: GarchFits) -> FloatArray:
    """Carry the variance of the next bar over new bars; the same numbers as `variances` of the longer series.

    Args:
        next_variances: (series,), the variance of the first new bar.
        returns: (series, new bars).
        fits: parameters, kept.

    Returns:
        (series, new bars + 1): the variance of each new bar, and that of the one after.
    """
    mean, omega, alpha, gamma, beta, _ = fits.parameters.T
    h = np.empty((len(returns), returns.shape[1] + 1))
    h[:, 0] = next_variances
    for bar, values in enumerate(returns.T):
        e = values - mean
        h[:, bar + 1] = omega + (alpha + gamma * (e < 0)) * e**2 + beta * h[:, bar]
    return h


def forecast_variances(next_variances: FloatArray, fits: GarchFits, horizon: int) -> FloatArray:
    """Expected variances of the bars ahead: h_k = omega + persistence h_{k-1}, for laws symmetric about the mean.

    Args:
        next_variances: (series,), the variance of the next bar.
        fits: parameters.
        horizon: H, at least 1.

    Returns:
        (series, H), in the units of the returns, squared.

    Raises:
        ValueError: the horizon is not positive.
    """
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}; it must be at least 1")
    ahead = np.empty((len(next_variances), horizon))
    ahead[:, 0] = next_variances
    for step in range(1, horizon):
        ahead[:, step] = fits.parameters[:, OMEGA] + fits.persistence * ahead[:, step - 1]
    return ahead


def log_likelihoods(returns: FloatArray, parameters: FloatArray, model: GarchModel) -> tuple[FloatArray, FloatArray]:
    """Log-likelihood and its gradient at given parameters.

    Args:
        returns: (series, bars).
        parameters: (series, 6), as in `GarchFits`.
        model: which law and presample value.

    Returns:
        (series,), and (series, 6) derivatives by mean, omega, alpha, gamma, beta, nu (0 under the normal law).
    """
    series, bars = returns.shape
    center, scale, standard, starts = standardised(returns)
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

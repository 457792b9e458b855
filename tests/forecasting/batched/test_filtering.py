"""Updates equal filtering everything again; forecasts equal statsmodels'."""

import numpy as np
import pytest

from tests.forecasting.batched.made import arma, covariance_of
from tradepipe.forecasting.batched import ArmaOrder, filter_arma, fit_arma, forecast_arma, likelihood_arma, update_arma

ORDERS = [ArmaOrder(1, 0, 1), ArmaOrder(2, 1, 3), ArmaOrder(3, 0, 2), ArmaOrder(0, 1, 1), ArmaOrder(0, 0, 0)]


@pytest.mark.parametrize("order", ORDERS)
def test_bar_by_bar_equals_all_at_once_to_the_last_bit(order):
    batch = np.stack([arma(260, 0.7, -0.4, seed) for seed in range(3)])
    fits = fit_arma(batch[:, :200], order)
    states = filter_arma(batch[:, :200], fits)
    for bar in range(200, 260):
        states = update_arma(batch[:, bar : bar + 1], fits, states)
    np.testing.assert_array_equal(states, filter_arma(batch, fits))


def test_a_bar_that_is_not_finite_is_left_out():
    w = arma(200, 0.7, -0.4)
    fits = fit_arma([w], ORDERS[0])
    states = filter_arma([w], fits)
    np.testing.assert_array_equal(update_arma([np.array([np.nan, np.inf])], fits, states), states)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("bars", [25, 120])
def test_forecast_is_the_conditional_law_of_the_process(order, bars):
    """Against the joint covariance of what is known and what is ahead; no recursion is shared."""
    series = arma(120, 0.7, -0.4, 3)
    fits = fit_arma([series], order)
    means, variances = forecast_arma(fits, filter_arma([series[:bars]], fits), 8)
    known = np.diff(series[:bars]) if order.d else series[:bars]
    n = len(known)
    covariance = covariance_of(n + 8, fits.phi[0], fits.theta[0], fits.variance[0])
    gain = np.linalg.solve(covariance[:n, :n], covariance[:n, n:]).T
    expected = fits.mean[0] + gain @ (known - fits.mean[0])
    left = covariance[n:, n:] - gain @ covariance[:n, n:]
    if order.d:
        level = np.tril(np.ones((8, 8)))
        expected, left = series[bars - 1] + level @ expected, level @ left @ level.T
    np.testing.assert_allclose(means[0], expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(variances[0], np.diag(left), rtol=1e-7)


@pytest.mark.parametrize("order", ORDERS)
def test_likelihood_of_the_filter_equals_statsmodels(order):
    sarimax = pytest.importorskip("statsmodels.tsa.statespace.sarimax").SARIMAX
    series = arma(120, 0.7, -0.4, 3)
    fits = fit_arma([series], order)
    known = np.diff(series) if order.d else series
    model = sarimax(known - fits.mean[0], order=(order.p, 0, order.q), trend="n")
    model.tolerance = 0.0
    expected = model.loglike([*fits.phi[0], *fits.theta[0], fits.variance[0]])
    assert likelihood_arma(fits, filter_arma([series], fits))[0] == pytest.approx(expected, rel=1e-10)


def test_update_refuses_another_number_of_series():
    fits = fit_arma([arma(100, 0.5, 0.0)], ORDERS[0])
    with pytest.raises(ValueError, match="2 series, 1 fits"):
        update_arma([np.ones(1)] * 2, fits, filter_arma([np.ones(3)], fits))

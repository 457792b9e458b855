"""Updates equal filtering everything again; forecasts equal statsmodels'."""

import numpy as np
import pytest

from tests.forecasting.batched.made import arma, coefficients_at, covariance_of, point_of
from tradepipe.forecasting.batched import (
    ArmaFits,
    ArmaOrder,
    filter_arma,
    fit_arma,
    forecast_arma,
    likelihood_arma,
    update_arma,
)
from tradepipe.forecasting.batched.polynomials import NUMBERS

ORDERS = [ArmaOrder(1, 0, 1), ArmaOrder(2, 1, 3), ArmaOrder(3, 0, 2), ArmaOrder(0, 1, 1), ArmaOrder(0, 0, 0)]


@pytest.mark.parametrize("order", ORDERS)
def test_bar_by_bar_equals_all_at_once_to_the_last_bit(order):
    batch = np.stack([arma(260, 0.7, -0.4, seed) for seed in range(3)])
    fits = fit_arma(batch[:, :200], order)
    states, _ = filter_arma(batch[:, :200], fits)
    for bar in range(200, 260):
        states, _ = update_arma(batch[:, bar : bar + 1], fits, states)
    np.testing.assert_array_equal(states, filter_arma(batch, fits)[0])


def test_a_bar_that_is_not_finite_is_left_out():
    w = arma(200, 0.7, -0.4)
    fits = fit_arma([w], ORDERS[0])
    states, _ = filter_arma([w], fits)
    after, errors = update_arma([np.array([np.nan, np.inf])], fits, states)
    np.testing.assert_array_equal(after, states)
    assert np.isnan(errors).all()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("bars", [25, 120])
def test_forecast_is_the_conditional_law_of_the_process(order, bars):
    """Against the joint covariance of what is known and what is ahead; no recursion is shared."""
    series = arma(120, 0.7, -0.4, 3)
    fits = fit_arma([series], order)
    means, _ = forecast_arma(fits, filter_arma([series[:bars]], fits)[0], 8)
    known = np.diff(series[:bars]) if order.d else series[:bars]
    n = len(known)
    covariance = covariance_of(n + 8, fits.phi[0], fits.theta[0], fits.variance[0])
    gain = np.linalg.solve(covariance[:n, :n], covariance[:n, n:]).T
    expected = fits.mean[0] + gain @ (known - fits.mean[0])
    if order.d:
        expected = series[bars - 1] + np.cumsum(expected)
    np.testing.assert_allclose(means[0], expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_response_is_what_a_unit_error_adds(order):
    """Forecasts from two bars that differ by 1 differ by the response, a bar on."""
    series = arma(400, 0.7, -0.4, 3)
    numbers = np.ones((1, NUMBERS))
    numbers[0, :6] = coefficients_at(point_of(order.p, order.q, 0.4))  # far from unit roots: the start is forgotten
    fits = ArmaFits(order, np.zeros(1, np.int64), numbers)
    states, _ = filter_arma([series], fits)
    low, high = (update_arma([np.array([value])], fits, states)[0] for value in (0.5, 1.5))
    _, response = forecast_arma(fits, states, 8)
    apart = forecast_arma(fits, high, 7)[0] - forecast_arma(fits, low, 7)[0]
    assert response[0, 0] == 1.0
    np.testing.assert_allclose(response[0, 1:], apart[0], atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_likelihood_of_the_filter_equals_statsmodels(order):
    sarimax = pytest.importorskip("statsmodels.tsa.statespace.sarimax").SARIMAX
    series = arma(120, 0.7, -0.4, 3)
    fits = fit_arma([series], order)
    known = np.diff(series) if order.d else series
    model = sarimax(known - fits.mean[0], order=(order.p, 0, order.q), trend="n")
    model.tolerance = 0.0
    expected = model.loglike([*fits.phi[0], *fits.theta[0], fits.variance[0]])
    assert likelihood_arma(fits, filter_arma([series], fits)[0])[0] == pytest.approx(expected, rel=1e-10)


def test_update_refuses_another_number_of_series():
    fits = fit_arma([arma(100, 0.5, 0.0)], ORDERS[0])
    with pytest.raises(ValueError, match="2 series, 1 fits"):
        update_arma([np.ones(1)] * 2, fits, filter_arma([np.ones(3)], fits)[0])

"""The exact likelihood and its gradient against statsmodels, high precision and finite differences."""

import numpy as np
import pytest

from tests.forecasting.batched.made import ORDERS, coefficients_at, covariance_of, evaluate, point_of, walk
from tradepipe.forecasting.batched import ArmaFits, ArmaOrder, filter_arma, fit_arma, likelihood_arma
from tradepipe.forecasting.batched.polynomials import NUMBERS, VARIANCE


def _dense(w, phi, theta, variance):
    """Log-likelihood by the n x n covariance: no recursion shared with ours."""
    covariance = covariance_of(len(w), phi, theta, variance)
    _, logdet = np.linalg.slogdet(covariance)
    return -0.5 * (len(w) * np.log(2 * np.pi) + logdet + w @ np.linalg.solve(covariance, w))


@pytest.mark.parametrize("scale", [0.5, 1.5, 2.5])
@pytest.mark.parametrize(("p", "q"), ORDERS)
def test_likelihood_equals_that_of_the_whole_covariance(p, q, scale):
    point = point_of(p, q, scale)
    found = evaluate(walk(60), point, p, q, with_mean=True)
    phi, theta = found.coefficients[:p], found.coefficients[3 : 3 + q]
    expected = _dense(walk(60) - found.mean, phi, theta, found.variance)
    assert found.log_likelihood == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("scale", [0.5, 1.5, 3.0])
@pytest.mark.parametrize(("p", "q"), ORDERS)
def test_likelihood_equals_statsmodels_near_a_unit_root_too(p, q, scale):
    sarimax = pytest.importorskip("statsmodels.tsa.statespace.sarimax")
    point = point_of(p, q, scale)
    found = evaluate(walk(150), point, p, q, with_mean=True)
    model = sarimax.SARIMAX(walk(150) - found.mean, order=(p, 0, q), trend="n")
    model.tolerance = 0.0  # otherwise it takes the gain for settled while it still moves
    expected = model.loglike([*found.coefficients[:p], *found.coefficients[3 : 3 + q], found.variance])
    assert found.log_likelihood == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("scale", [0.5, 1.5, 3.0])
@pytest.mark.parametrize(("p", "q"), ORDERS)
def test_gradient_equals_finite_differences(p, q, scale, with_mean):
    point, w = point_of(p, q, scale), walk(150)
    gradient = evaluate(w, point, p, q, with_mean=with_mean).gradient
    for place in [*range(p), *range(3, 3 + q)]:
        values = []
        for step in (-2e-4, -1e-4, 1e-4, 2e-4):
            moved = point.copy()
            moved[place] += step
            values.append(evaluate(w, moved, p, q, with_mean=with_mean).value)
        expected = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-4
        assert gradient[place] == pytest.approx(expected, rel=1e-6, abs=2e-6)


def test_mean_is_the_one_of_the_largest_likelihood():
    w, point = walk(80) + 3.0, point_of(1, 1, 1.0)
    best = evaluate(w, point, 1, 1, with_mean=True)
    coefficients = coefficients_at(point)
    for shift in (-1e-3, 1e-3):
        assert evaluate(w - best.mean - shift, point, 1, 1, with_mean=False).value > best.value
    assert coefficients[0] == best.coefficients[0]


@pytest.mark.parametrize("order", [ArmaOrder(1, 0, 1), ArmaOrder(2, 1, 3), ArmaOrder(3, 0, 2), ArmaOrder(0, 0, 0)])
def test_likelihood_of_the_fit_is_that_of_the_filter(order):
    fits = fit_arma([walk(300)], order)
    states, _ = filter_arma([walk(300)], fits)
    assert likelihood_arma(fits, states)[0] == pytest.approx(fits.log_likelihood[0], rel=1e-12)


def test_filter_of_chosen_numbers_needs_no_fit():
    numbers = np.zeros((1, NUMBERS))
    numbers[0, VARIANCE] = 2.0
    fits = ArmaFits(ArmaOrder(0, 0, 0, mean=False), np.zeros(1, np.int64), numbers)
    states, _ = filter_arma([np.array([1.0, -1.0])], fits)
    assert likelihood_arma(fits, states)[0] == pytest.approx(-np.log(2 * np.pi * 2.0) - 0.5, rel=1e-15)

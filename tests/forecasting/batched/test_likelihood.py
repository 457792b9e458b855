"""The exact likelihood and its gradient against statsmodels, high precision and finite differences."""

import numpy as np
import pytest
from scipy.signal import lfilter

from tests.forecasting.batched.made import ORDERS, coefficients_at, covariance_of, evaluate, point_of, walk
from tradepipe.forecasting.batched import ArmaFits, ArmaOrder, filter_arma, fit_arma, likelihood_arma
from tradepipe.forecasting.batched.polynomials import NUMBERS, VARIANCE
from tradepipe.forecasting.batched.profiles import COLUMNS, LANES, SUMS, gather_lane, run_lanes
from tradepipe.forecasting.batched.rings import PLACES, ring


def _dense(w, phi, theta, variance):
    """Log-likelihood by the n x n covariance: no recursion shared with ours."""
    covariance = covariance_of(len(w), phi, theta, variance)
    _, logdet = np.linalg.slogdet(covariance)
    return -0.5 * (len(w) * np.log(2 * np.pi) + logdet + w @ np.linalg.solve(covariance, w))


@pytest.mark.slow
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


@pytest.mark.parametrize("r", [1, 2, 3])
@pytest.mark.parametrize("p", [0, 1, 2, 3])
def test_sums_of_products_are_those_of_the_columns(p, r):
    """All products from the few that are summed, against the columns written out."""
    r, n, generator = max(p, r), 40, np.random.default_rng(p)
    lanes, sums, products = np.zeros((11, LANES)), np.zeros((SUMS, LANES)), np.zeros((COLUMNS, COLUMNS))
    lanes[:3] = [[-0.9], [0.5], [-0.2]] * generator.uniform(0.2, 1.0, (3, LANES))
    w = generator.standard_normal(n)
    run_lanes(w, n, lanes, sums)
    for g in (0, LANES - 1):
        x, pulse = (lfilter([1.0], np.r_[1.0, lanes[:3, g]], one) for one in (w, np.eye(1, n)[0]))
        lagged = [np.r_[np.zeros(i), x[: n - i]] for i in range(p + 1)]
        columns = np.array([*lagged, np.ones(n), *(np.r_[np.zeros(i), pulse[: n - i]] for i in range(r))])
        gather_lane(sums, g, n, p, r, products)
        size = len(columns)
        np.testing.assert_allclose(np.triu(products[:size, :size]), np.triu(columns @ columns.T), rtol=0, atol=1e-12)


def test_ring_proposes_the_frequencies_that_stand_out():
    generator, n = np.random.default_rng(0), 1000
    w = generator.standard_normal(n) + 0.5 * np.cos(1.3 * np.arange(n)) + 0.3 * np.sin(2.5 * np.arange(n))
    points = np.full((3 + PLACES, 6), 7.0)
    assert ring(w, n, points, 3) == PLACES
    assert (points[:3] == 7.0).all()
    assert np.arccos(np.tanh(points[3:5, 3])) == pytest.approx([1.3, 2.5], abs=0.02)
    assert ring(np.zeros(n), n, points, 3) <= PLACES
    assert np.isfinite(points).all()


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

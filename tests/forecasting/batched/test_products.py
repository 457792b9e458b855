"""Seasons and regressors: likelihood, errors and forecasts against statsmodels; invariances; hostile series."""

import warnings

import numpy as np
import pytest
from arch.data import nasdaq, sp500

from tests.forecasting.batched.made import arma, walk
from tradepipe.forecasting.batched import (
    ArmaFits,
    ArmaOrder,
    FitStatus,
    filter_arma,
    fit_arma,
    forecast_arma,
    likelihood_arma,
    update_arma,
)

N = 320
SEASONAL = ArmaOrder(1, 0, 1, seasonal=(1, 0, 1, 5))
REGRESSED = ArmaOrder(1, 0, 1, regressors=2)
BOTH = ArmaOrder(1, 1, 1, seasonal=(0, 1, 1, 5), regressors=1)
ORDERS = [
    SEASONAL,
    REGRESSED,
    BOTH,
    ArmaOrder(2, 0, 1, seasonal=(2, 0, 2, 7)),
    ArmaOrder(0, 0, 0, mean=False, seasonal=(0, 1, 1, 12), regressors=1),
]


def _made(order, n=N, seed=0):
    """Values with a season, and random walks beside them that they follow."""
    generator = np.random.default_rng(seed)
    values = arma(n, 0.5, 0.2, seed) + np.tile(generator.standard_normal(5), n)[:n]
    exog = generator.standard_normal((n, order.regressors)).cumsum(axis=0)
    return values + exog @ np.arange(1.0, order.regressors + 1), exog


def _peer(order, values, exog, fits):
    """The same model of statsmodels, at our parameters; its intercept is ours through the autoregressions."""
    sarimax = pytest.importorskip("statsmodels.tsa.statespace.sarimax").SARIMAX
    plain = (order.p, order.d, order.q)
    model = sarimax(
        values,
        exog=exog if order.regressors else None,
        order=plain,
        seasonal_order=order.seasonal,
        trend="c" if order.mean else "n",
        simple_differencing=True,
    )
    model.tolerance = 0.0  # otherwise it takes the gain for settled while it still moves
    intercept = fits.mean[0] * (1 - fits.phi[0].sum()) * (1 - fits.seasonal_phi[0].sum())
    parts = [fits.coefficients, fits.phi, fits.theta, fits.seasonal_phi, fits.seasonal_theta]
    parameters = [*([intercept] if order.mean else []), *np.concatenate([part[0] for part in parts]), fits.variance[0]]
    return model, parameters


@pytest.fixture(scope="module", params=ORDERS, ids=str)
def fitted(request):
    values, exog = _made(request.param)
    return request.param, values, exog, fit_arma([values], request.param, [exog])


def test_likelihood_and_errors_equal_statsmodels(fitted):
    order, values, exog, fits = fitted
    model, parameters = _peer(order, values, exog, fits)
    states, errors = filter_arma([values], fits, [exog])
    peer = model.smooth(parameters)
    assert fits.log_likelihood[0] == pytest.approx(peer.llf, rel=1e-10)
    assert likelihood_arma(fits, states)[0] == pytest.approx(peer.llf, rel=1e-10)
    assert np.isnan(errors[0][: order.depth]).all()
    np.testing.assert_allclose(errors[0][order.depth :], peer.filter_results.forecasts_error[0], atol=1e-9)


@pytest.mark.parametrize("order", [SEASONAL, REGRESSED])
def test_likelihood_equals_statsmodels_away_from_the_optimum(order):
    values, exog = _made(order)
    fits = fit_arma([values], order, [exog])
    fits.numbers[:, :10] *= -0.9
    fits.numbers[:, 10:12] *= 1.3
    model, parameters = _peer(order, values, exog, fits)
    states, _ = filter_arma([values], fits, [exog])
    assert likelihood_arma(fits, states)[0] == pytest.approx(model.loglike(parameters), rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("order", [SEASONAL, REGRESSED])
def test_never_below_statsmodels(order):
    values, exog = _made(order)
    fits = fit_arma([values], order, [exog])
    model, _ = _peer(order, values, exog, fits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that statsmodels does not converge is its own affair
        peer = model.fit(disp=0, cov_type="none", maxiter=50)
    assert fits.log_likelihood[0] > peer.llf - 1e-3


@pytest.mark.parametrize(
    ("order", "heights"),
    [
        (ArmaOrder(1, 0, 1, regressors=2), [-1640.5865, -1478.1946]),
        (ArmaOrder(1, 0, 1, seasonal=(1, 0, 1, 5), regressors=1), [-1635.5657, -1470.3907]),
        (ArmaOrder(0, 0, 1, seasonal=(0, 0, 1, 21), regressors=1), [-1640.7955, -1478.0710]),
        (ArmaOrder(1, 0, 1, seasonal=(0, 1, 1, 5), regressors=1), [-1646.2847, -1485.6470]),
    ],
    ids=str,
)
def test_highest_places_known_of_real_returns_are_found(order, heights):
    """The S&P 500 beside the NASDAQ's return and the size of its own a day before: several optima, some 1 nat apart.

    None is below what the search by finite differences found (2026), the second order's and the last's first are above.
    """
    index, other = (100 * np.diff(np.log(data.load()["Adj Close"].to_numpy())) for data in (sp500, nasdaq))
    values = [index[begin : begin + 1000] for begin in (494, 824)]
    exog = [np.c_[other, np.abs(index)][begin - 1 : begin + 999, : order.regressors] for begin in (494, 824)]
    assert (fit_arma(values, order, exog).log_likelihood > np.array(heights) - 1e-3).all()


def test_no_place_nearby_is_higher(fitted):
    """The fit is an optimum in every coefficient, the regressors' and the mean included."""
    order, values, exog, fits = fitted
    states, _ = filter_arma([values], fits, [exog])
    best = likelihood_arma(fits, states)[0]
    for place in np.flatnonzero(fits.numbers[0]):
        if place in {12, 13, 14} or (place < 10 and abs(fits.numbers[0, place]) > 0.99):
            continue
        for step in (-1e-3, 1e-3):
            numbers = fits.numbers.copy()
            numbers[0, place] += step * max(abs(numbers[0, place]), 0.1)
            moved = ArmaFits(order, fits.status, numbers)
            height = likelihood_arma(moved, filter_arma([values], moved, [exog])[0])[0]
            assert height < best + 1e-5, place


def test_bar_by_bar_equals_all_at_once_to_the_last_bit(fitted):
    order, values, exog, fits = fitted
    states, early = filter_arma([values[:200]], fits, [exog[:200]])
    late = []
    for t in range(200, N):
        states, errors = update_arma([values[t : t + 1]], fits, states, [exog[t : t + 1]])
        late.append(errors[0])
    whole, all_errors = filter_arma([values], fits, [exog])
    np.testing.assert_array_equal(states, whole)
    np.testing.assert_array_equal(np.concatenate([early[0], *late]), all_errors[0])
    assert order.state_size == states.shape[1]


def test_forecast_equals_statsmodels(fitted):
    order, values, exog, fits = fitted
    states, _ = filter_arma([values], fits, [exog])
    ahead = np.random.default_rng(9).standard_normal((1, 12, order.regressors))
    means, response = forecast_arma(fits, states, 12, ahead)
    model, parameters = _peer(order, values - exog @ fits.coefficients[0], exog * 0.0, fits)
    peer = model.smooth(parameters)
    levels = [*(values - exog @ fits.coefficients[0])]
    differences = (
        np.polymul([1, -1] if order.d else [1], np.r_[1, np.zeros(order.seasonal[3] - 1), -1])
        if any(order.seasonal[1:2])
        else np.array([1.0, -1.0] if order.d else [1.0])
    )
    for step in peer.forecast(12, exog=np.zeros((12, order.regressors)) if order.regressors else None):
        levels.append(step - differences[1:] @ levels[-1 : -len(differences) : -1])
    np.testing.assert_allclose(means[0], np.array(levels[-12:]) + ahead[0] @ fits.coefficients[0], rtol=1e-7, atol=1e-7)
    weights = np.asarray(peer.impulse_responses(11)).ravel()
    full = np.zeros(12)
    for h in range(12):
        past = full[:h][::-1][: len(differences) - 1]
        full[h] = weights[h] - differences[1 : 1 + len(past)] @ past
    np.testing.assert_allclose(response[0], full, atol=1e-9)


def test_regressors_stay_at_their_newest_row_where_none_is_given():
    values, exog = _made(REGRESSED)
    fits = fit_arma([values], REGRESSED, [exog])
    states, _ = filter_arma([values], fits, [exog])
    given = forecast_arma(fits, states, 4, np.repeat(exog[None, -1:], 4, axis=1))
    np.testing.assert_array_equal(forecast_arma(fits, states, 4), given)


def test_units_of_values_and_regressors_do_not_matter():
    values, exog = _made(REGRESSED)
    plain = fit_arma([values], REGRESSED, [exog])
    moved = fit_arma([values * 1e-3 + 5.0], REGRESSED, [exog * [1e4, 1e-4] + [3.0, 0.0]])
    np.testing.assert_allclose(moved.phi, plain.phi, atol=1e-5)
    np.testing.assert_allclose(moved.coefficients * [1e7, 1e-1], plain.coefficients, rtol=1e-4)
    assert moved.log_likelihood[0] + N * np.log(1e-3) == pytest.approx(plain.log_likelihood[0], abs=1e-5)


def test_a_regressor_that_others_explain_gets_no_weight():
    values, exog = _made(ArmaOrder(1, 0, 1, regressors=1))
    alone = fit_arma([values], ArmaOrder(1, 0, 1, regressors=1), [exog])
    twice = fit_arma([values], REGRESSED, [np.c_[exog, 2.0 * exog + 1.0]])
    assert twice.coefficients[0, 1] == 0.0
    assert twice.log_likelihood[0] == pytest.approx(alone.log_likelihood[0], abs=1e-6)


@pytest.mark.parametrize("order", [SEASONAL, BOTH])
def test_order_company_and_threads_change_no_digit(order):
    made = [_made(order, 200 + 20 * seed, seed) for seed in range(5)]
    values, exog = [one for one, _ in made], [one for _, one in made]
    together = fit_arma(values, order, exog, threads=3)
    backwards = fit_arma(values[::-1], order, exog[::-1])
    np.testing.assert_array_equal(together.numbers, backwards.numbers[::-1])
    np.testing.assert_array_equal(together.numbers[:1], fit_arma(values[:1], order, exog[:1]).numbers)


def test_warm_start_is_taken_up():
    values, exog = _made(BOTH)
    yesterday = fit_arma([values[:-1]], BOTH, [exog[:-1]])
    cold = fit_arma([values], BOTH, [exog])
    warm = fit_arma([values], BOTH, [exog], starts=0, warm=yesterday)
    assert warm.evaluations[0] < cold.evaluations[0]
    assert warm.log_likelihood[0] == pytest.approx(cold.log_likelihood[0], abs=1e-3)


HOSTILE = {
    "constant": np.full(N, 7.25),
    "ten points": walk(10),
    "gap": np.r_[walk(150), np.nan, walk(N - 151)],
    "spike": np.r_[walk(150), 50.0, walk(N - 151)],
    "nothing, then a jump": np.r_[np.zeros(250), np.full(N - 250, 3.0)],
    "a season and nothing else": np.tile([1.0, 2.0, -1.0, 0.5, -2.5], N // 5),
    "two values in turn": np.tile([1.0, -1.0], N // 2),
    "straight line": np.arange(float(N)),
}


@pytest.mark.parametrize("order", [SEASONAL, BOTH, ArmaOrder(2, 0, 1, seasonal=(2, 0, 2, 7))])
def test_hostile_series_say_so_and_disturb_nobody(order):
    good, beside = _made(order)
    batch = [good, *HOSTILE.values(), good]
    exog = [beside[: len(series)] for series in batch]
    fits = fit_arma(batch, order, exog)
    np.testing.assert_array_equal(
        fits.numbers[[0, -1]], np.repeat(fit_arma([good], order, [beside]).numbers, 2, axis=0)
    )
    means, _ = forecast_arma(fits, filter_arma(batch, fits, exog)[0], 5)
    for place, (name, series) in enumerate(HOSTILE.items(), start=1):
        if name in {"ten points", "gap"}:
            assert fits.status[place] in {FitStatus.SHORT, FitStatus.NOT_FINITE}, name
            continue
        assert np.isfinite(means[place]).all(), name
        assert (np.abs(means[place]) <= 20 * np.abs(series).max()).all(), name


def test_wrong_requests_are_refused():
    with pytest.raises(ValueError, match="P and Q up to 2"):
        ArmaOrder(1, 0, 1, seasonal=(3, 0, 0, 5))
    with pytest.raises(ValueError, match="longer season"):
        ArmaOrder(3, 0, 1, seasonal=(1, 0, 0, 3))
    with pytest.raises(ValueError, match=r"give each series an array \(values, 2\)"):
        fit_arma([walk(100)], REGRESSED, [np.ones((100, 1))])

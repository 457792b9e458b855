"""The mean equation of the reference engine: published fits, statsmodels' own forecasts, filtering, missing values."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov
from scipy.signal import lfilter

from tests.forecasting.engines.hostile import returns
from tests.forecasting.engines.published import ACCIDENTAL_DEATHS, PRESIDENTS
from tradepipe.forecasting.engines.reference import ReferenceEngine
from tradepipe.forecasting.model import ForecastError, ModelSpec, Panel

ENGINE = ReferenceEngine()
BARS, MORE, HORIZON = 300, 12, 5


def panel(values, exog=None):
    return Panel(("A",), (np.asarray(values, dtype=float),), () if exog is None else (np.asarray(exog, dtype=float),))


def fitted(values, spec, exog=None):
    fits = ENGINE.fit(panel(values, exog), spec)
    assert fits.reason == (None,)
    return fits


def by_name(fits):
    return dict(zip(fits.names, fits.parameters[0], strict=True))


def stata():
    from statsmodels.tsa.statespace.tests.results import results_sarimax

    return results_sarimax


@pytest.mark.slow
def test_us_accidental_deaths_as_r_fits_them():
    # ?arima in R: USAccDeaths, order (0, 1, 1), seasonal (0, 1, 1)
    fits = fitted(ACCIDENTAL_DEATHS, ModelSpec("arma", (0, 1, 1), (0, 1, 1, 12), mean="zero"))
    found = by_name(fits)
    assert fits.log_likelihood[0] == pytest.approx(-425.44, abs=0.005)
    assert found["ma.L1"] == pytest.approx(-0.4303, abs=1e-4)
    assert found["ma.S.L12"] == pytest.approx(-0.5528, abs=1e-4)
    assert found["sigma2"] == pytest.approx(99347, rel=1e-3)


def test_approval_of_presidents_with_missing_quarters_as_r_fits_and_forecasts_it():
    # ?arima and ?predict.Arima in R: presidents, order (3, 0, 0)
    fits = fitted(PRESIDENTS, ModelSpec("arma", (3, 0, 0)))
    found = by_name(fits)
    assert fits.observations[0] == 114
    assert fits.log_likelihood[0] == pytest.approx(-414.08, abs=0.005)
    assert [found["ar.L1"], found["ar.L2"], found["ar.L3"]] == pytest.approx([0.7496, 0.2523, -0.1890], abs=2e-4)
    assert found["mean"] == pytest.approx(56.2236, abs=0.01)
    assert found["sigma2"] == pytest.approx(81.12, abs=0.01)
    np.testing.assert_allclose(ENGINE.forecast(fits, 3).mean[0], [29.84194, 34.41165, 39.30759], atol=5e-3)


def test_wholesale_prices_as_stata_fits_them():
    expected = stata().wpi1_stationary
    fits = fitted(expected["data"], ModelSpec("arma", (1, 1, 1)))
    found = by_name(fits)
    assert fits.log_likelihood[0] == pytest.approx(expected["loglike"], abs=1e-4)
    assert found["mean"] == pytest.approx(expected["params_mean"][0], abs=1e-3)
    assert found["ar.L1"] == pytest.approx(expected["params_ar"][0], abs=1e-4)
    assert found["ma.L1"] == pytest.approx(expected["params_ma"][0], abs=1e-4)
    assert found["sigma2"] == pytest.approx(expected["params_variance"][0], rel=1e-4)


def test_air_passengers_as_stata_fits_them():
    expected = stata().air2_stationary
    values = np.log(expected["data"])
    fits = fitted(values, ModelSpec("arma", (0, 1, 1), (0, 1, 1, 12), mean="zero"))
    found = by_name(fits)
    assert fits.log_likelihood[0] == pytest.approx(expected["loglike"], abs=1e-4)
    assert found["ma.L1"] == pytest.approx(expected["params_ma"][0], abs=1e-3)
    assert found["ma.S.L12"] == pytest.approx(expected["params_seasonal_ma"][0], abs=1e-3)


def test_consumption_on_money_as_stata_predicts_it_bar_by_bar():
    expected, data = stata().friedman2_predict, stata().friedman2_data
    consumption, money = np.array(data["consump"]), np.column_stack([data["m2"]])
    start = 77
    spec = ModelSpec("arma", (1, 0, 1), exog=("m2",))
    # Stata's constant is that of the regression, as our mean is
    (level, slope), ar, ma = expected["params_exog"], expected["params_ar"], expected["params_ma"]
    own = np.array([[level, slope, *ar, *ma, *expected["params_variance"]]])
    fits = ENGINE.at(panel(consumption[:start], money[: start + 1]), spec, own)
    assert fits.log_likelihood[0] == pytest.approx(expected["loglike"], abs=1e-4)
    for bar in range(start, len(consumption)):
        assert ENGINE.forecast(fits, 1).mean[0, 0] == pytest.approx(expected["predict"][bar], rel=1e-6)
        fits = ENGINE.update(fits, panel(consumption[bar : bar + 1], money[bar : bar + 2]))


def test_rows_of_regressors_ahead_are_used_and_the_last_one_stays():
    expected, data = stata().friedman2_predict, stata().friedman2_data
    consumption, money = np.array(data["consump"]), np.column_stack([data["m2"]])
    own = np.array([[0.66189, 1.037905, 0.8775207, 0.2770867, 31.697417962116003]])
    spec = ModelSpec("arma", (1, 0, 1), exog=("m2",))
    whole = ENGINE.forecast(ENGINE.at(panel(consumption[:77], money), spec, own), 15).mean[0]
    np.testing.assert_allclose(whole, expected["forecast"][77:], rtol=1e-6)
    some = ENGINE.forecast(ENGINE.at(panel(consumption[:77], money[:79]), spec, own), 15).mean[0]
    np.testing.assert_allclose(some[:2], whole[:2], rtol=1e-12)
    assert some[2] == pytest.approx(whole[2] - 1.037905 * (money[79, 0] - money[78, 0]), rel=1e-12)


ORDERS = [
    ModelSpec("arma", (1, 0, 1)),
    ModelSpec("arma", (2, 0, 0), mean="zero"),
    ModelSpec("arma", (0, 0, 0)),
    ModelSpec("arma", (1, 1, 1)),
    ModelSpec("arma", (1, 0, 0), (1, 0, 1, 5)),
    ModelSpec("arma", (0, 1, 1), (0, 1, 0, 4)),
    ModelSpec("arma", (1, 0, 1), exog=("u", "v")),
]
EXOG = np.random.default_rng(3).normal(size=(BARS + MORE + 1, 2)) * [50.0, 1e-3]


def beside(spec, first, last):
    return EXOG[first : last + 1] if spec.exog else None


@pytest.fixture(scope="module")
def values():
    own = returns(11, BARS + MORE) + EXOG[:-1] @ [1e-5, 0.5]
    own[[40, 41, 120]] = np.nan
    return own


def peer(values, exog, spec, fits):
    """statsmodels' SARIMAX at our parameters, of levels."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    found = by_name(fits)
    ar = [found[name] for name in fits.names if name.startswith("ar.L")]
    seasonal = [found[name] for name in fits.names if name.startswith("ar.S")]
    own = list(fits.parameters[0])
    if spec.mean == "constant":
        own[0] *= (1 - sum(ar)) * (1 - sum(seasonal))
    trend = "c" if spec.mean == "constant" else None
    model = SARIMAX(values, exog, order=spec.order, seasonal_order=spec.seasonal, trend=trend, simple_differencing=True)
    return model, np.array(own)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ORDERS, ids=lambda spec: spec.text)
def test_likelihood_and_one_step_errors_are_statsmodels_own(values, spec):
    fits = fitted(values[:BARS], spec, beside(spec, 0, BARS))
    model, own = peer(values[:BARS], None if not spec.exog else EXOG[:BARS], spec, fits)
    result = model.filter(own)
    assert fits.log_likelihood[0] == pytest.approx(float(result.llf), rel=1e-10)
    sound = np.isfinite(fits.residuals[0])
    np.testing.assert_allclose(fits.residuals[0][sound], np.asarray(result.resid)[sound], rtol=1e-7, atol=1e-13)
    assert sound.sum() == np.isfinite(model.endog).sum()


@pytest.mark.slow
@pytest.mark.parametrize("spec", ORDERS, ids=lambda spec: spec.text)
def test_new_bars_without_a_refit_are_a_filter_of_all_bars(values, spec):
    new = values[BARS:].copy()
    new[3] = np.nan
    whole = np.r_[values[:BARS], new]
    fits = fitted(values[:BARS], spec, beside(spec, 0, BARS))
    updated = ENGINE.update(fits, panel(new, beside(spec, BARS, BARS + MORE)))
    again = ENGINE.at(panel(whole, beside(spec, 0, BARS + MORE)), spec, fits.parameters)
    one, other = ENGINE.forecast(updated, HORIZON), ENGINE.forecast(again, HORIZON)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(one.response, other.response, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(updated.residuals[0], again.residuals[0][-MORE:], rtol=1e-7, atol=1e-12)
    assert np.isnan(updated.residuals[0][3])


@pytest.mark.slow
@pytest.mark.parametrize("spec", [spec for spec in ORDERS if not spec.exog], ids=lambda spec: spec.text)
def test_means_ahead_and_responses_are_statsmodels_forecasts(spec):
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    values = returns(12, BARS)
    fits = fitted(values, spec)
    _, own = peer(values, None, spec, fits)
    trend = "c" if spec.mean == "constant" else None
    levels = SARIMAX(values, order=spec.order, seasonal_order=spec.seasonal, trend=trend).filter(own)
    ahead = ENGINE.forecast(fits, HORIZON)
    # of levels statsmodels starts from a diffuse state, which 300 bars have forgotten
    np.testing.assert_allclose(ahead.mean[0], levels.forecast(HORIZON), rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(ahead.response[0], levels.impulse_responses(HORIZON - 1).ravel(), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_a_fit_is_not_short_of_statsmodels_default():
    from tradepipe.forecasting.engines.reference.sarimax import peer_log_likelihood
    from tradepipe.forecasting.engines.reference.structure import Shape

    spec = ModelSpec("arma", (1, 0, 1))
    for seed in (3, 4, 5):
        values = returns(seed, 500)
        assert (
            fitted(values, spec).log_likelihood[0] > peer_log_likelihood(values, np.empty((500, 0)), Shape(spec)) - 1e-3
        )


def test_units_change_nothing_but_units():
    spec = ModelSpec("arma", (1, 0, 1), exog=("u", "v"))
    values = returns(13, BARS)
    one, other = (fitted(values * unit, spec, EXOG[:BARS]) for unit in (1.0, 1000.0))
    factors = np.array([1000.0, 1000.0, 1000.0, 1.0, 1.0, 1e6])
    np.testing.assert_allclose(other.parameters[0], one.parameters[0] * factors, rtol=1e-3)
    assert other.log_likelihood[0] == pytest.approx(one.log_likelihood[0] - BARS * np.log(1000), abs=1e-4)


@pytest.mark.slow
def test_a_warm_start_takes_fewer_evaluations_to_the_same_likelihood():
    spec = ModelSpec("arma", (2, 0, 1))
    values = [lfilter([1.0, 0.4], [1.0, -0.5, -0.2], returns(seed, 400)) for seed in range(20, 26)]
    old = Panel(tuple("abcdef"), tuple(one[:-1] for one in values))
    new = Panel(tuple("abcdef"), tuple(values))
    before = ENGINE.fit(old, spec)
    warm, cold = ENGINE.fit(new, spec, before, turn=1), ENGINE.fit(new, spec)
    assert (warm.log_likelihood > cold.log_likelihood - 1e-3).all()
    assert warm.evaluations.sum() < 0.5 * cold.evaluations.sum()


@pytest.mark.slow
def test_a_warm_start_of_an_arma_1_1_is_no_longer_and_no_lower_than_a_cold_one():
    spec, values = ModelSpec("arma", (1, 0, 1)), [returns(seed, 502) for seed in range(40, 48)]
    first, second, third = (Panel(tuple("abcdefgh"), tuple(one[day : day + 500] for one in values)) for day in range(3))
    before = ENGINE.fit(second, spec, ENGINE.fit(first, spec), turn=1)
    warm, cold = ENGINE.fit(third, spec, before, turn=2), ENGINE.fit(third, spec)
    assert (warm.log_likelihood > cold.log_likelihood - 1e-4).all()
    assert warm.evaluations.sum() < 1.2 * cold.evaluations.sum()


def test_each_fifth_refit_is_cold_too():
    spec = ModelSpec("arma", (1, 0, 0))
    train = panel(returns(30, 300))
    before = ENGINE.fit(train, spec)
    stuck = ENGINE.at(train, spec, np.array([[0.0, 0.9, before.parameters[0, -1]]]))
    counts = [ENGINE.fit(train, spec, stuck, turn=turn).evaluations[0] for turn in (4, 5, 6)]
    assert counts[1] > counts[0] == counts[2]


def test_missing_regressors_are_named():
    spec = ModelSpec("arma", (1, 0, 0), exog=("u", "v"))
    with pytest.raises(ForecastError, match="needs 2 regressors for each value of A"):
        ENGINE.fit(panel(returns(1)), spec)
    with pytest.raises(ForecastError, match="needs 2 regressors for each value of A"):
        ENGINE.fit(panel(returns(1), EXOG[:10]), spec)


def test_a_constant_regressor_and_missing_rows_of_one():
    spec = ModelSpec("arma", (1, 0, 0), exog=("u", "v"))
    flat, holes = EXOG[:BARS].copy(), EXOG[:BARS].copy()
    flat[:, 1], holes[5] = 7.0, np.nan
    fits = ENGINE.fit(Panel(("A", "B"), (returns(1, BARS),) * 2, (flat, holes)), spec)
    assert fits.reason == ("regressor v is constant", None)
    assert np.isnan(fits.residuals[1][5])


def test_refused_specs_and_parameters_of_another_shape():
    with pytest.raises(ForecastError, match="order"):
        ENGINE.fit(panel(returns(1)), ModelSpec("arma", (1, 0)))
    with pytest.raises(ForecastError, match=r"need \(1, 3\): mean, ar.L1, sigma2"):
        ENGINE.at(panel(returns(1)), ModelSpec("arma", (1, 0, 0)), np.zeros((1, 2)))
    spec = ModelSpec("arma", (1, 0, 0))
    stranger = ENGINE.fit(Panel(("B",), (returns(1),)), spec)
    with pytest.raises(ForecastError, match="align"):
        ENGINE.fit(panel(returns(1)), spec, stranger)


def test_stationary_start_solves_its_equations():
    from tradepipe.forecasting.engines.reference.sarimax import stationary_start

    transition = np.array([[0.5, 1.0], [0.3, 0.0]])
    selection = np.array([[1.0], [-0.4]])
    intercept = np.array([0.2, 0.0])
    mean, covariance = stationary_start(transition, intercept, selection @ selection.T)
    np.testing.assert_allclose(mean, np.linalg.solve(np.eye(2) - transition, intercept), rtol=1e-12)
    np.testing.assert_allclose(covariance, solve_discrete_lyapunov(transition, selection @ selection.T), rtol=1e-12)


def test_stationary_start_near_the_unit_root():
    from tradepipe.forecasting.engines.reference.sarimax import stationary_start

    mean, covariance = stationary_start(np.array([[0.9999]]), np.array([0.001]), np.array([[1.0]]))
    assert mean[0] == pytest.approx(10.0, rel=1e-9)
    assert covariance[0, 0] == pytest.approx(1 / (1 - 0.9999**2), rel=1e-9)


@pytest.mark.slow
def test_warnings_are_data_and_filters_stay_as_they_were():
    # in a process of its own: statsmodels changes the filters when it is first imported
    script = """
import numpy as np, warnings
from tradepipe.forecasting.engines.reference import ReferenceEngine
from tradepipe.forecasting.model import ModelSpec, Panel
from tests.forecasting.engines.hostile import returns
walk = np.cumsum(100 * returns(4, 120))
before = list(warnings.filters)
fits = ReferenceEngine().fit(Panel(("A",), (walk,)), ModelSpec("arma", (2, 0, 1)))
assert warnings.filters == before, warnings.filters[:3]
print(fits.warnings[0], bool(fits.converged[0]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "EstimationWarning" in done.stdout
    assert done.stderr == ""

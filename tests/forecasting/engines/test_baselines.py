import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradepipe.forecasting.engines.baselines import VOLATILITY_FLOOR, Baselines
from tradepipe.forecasting.model import ForecastError, ModelSpec, Panel

ENGINE = Baselines()
WALK, DRIFT = ModelSpec("random_walk"), ModelSpec("drift")
NAIVE, EWMA = ModelSpec("seasonal_naive", seasonal=(0, 0, 0, 3)), ModelSpec("ewma", decay=0.9)
SPECS = [WALK, DRIFT, NAIVE, EWMA]


def panel_of(*series):
    return Panel(tuple(f"S{i}" for i in range(len(series))), tuple(np.asarray(one, np.float64) for one in series))


def numbers(forecast):
    return forecast.variance if hasattr(forecast, "variance") else forecast.mean


HOSTILE = {
    "empty": [],
    "one value": [0.01],
    "missing only": [np.nan] * 80,
    "one of many": [np.nan] * 79 + [0.02],
    "ten": np.linspace(-0.01, 0.02, 10),
    "constant": np.zeros(300),
    "gaps": np.where(np.arange(200) % 7, 0.01, np.nan),
    "infinite": [0.01] * 70 + [np.inf, -np.inf],
    "beyond squares": [0.01] * 70 + [1e200, -1e308],
    "spike": [0.01, -0.01] * 100 + [0.5],
    "jump": [0.0] * 200 + [0.3],
}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.family)
def test_hostile_series_get_finite_numbers(spec):
    panel = panel_of(*HOSTILE.values())
    fits = ENGINE.fit(panel, spec)
    assert ENGINE.faults(panel, spec) == (None,) * len(panel)
    assert np.isfinite(fits.parameters).all()
    assert np.isfinite(numbers(ENGINE.forecast(fits, 7))).all()
    new = ENGINE.update(fits, panel_of(*[[0.01, np.nan, -0.02]] * len(panel)))
    assert np.isfinite(numbers(ENGINE.forecast(new, 7))).all()
    reasons = dict(zip(HOSTILE, fits.reason, strict=True))
    for name in ("empty", "one value", "missing only", "one of many", "ten"):
        assert reasons[name].startswith(f"{np.isfinite(HOSTILE[name]).sum()} returns, fewer than 60")
    assert reasons["spike"] is None
    assert reasons["gaps"] is None
    assert ("no movement" in (reasons["constant"] or "")) == (spec is EWMA)


def test_variance_by_hand():
    returns = np.concatenate([np.full(60, 0.01), [0.03, -0.02]])
    fits = ENGINE.fit(panel_of(returns[:61], returns), EWMA)
    first = 0.9 * 1e-4 + 0.1 * 9e-4  # 60 equal returns leave the variance at 1e-4
    second = 0.9 * first + 0.1 * 4e-4
    forecast = ENGINE.forecast(fits, 3)
    np.testing.assert_allclose(forecast.variance, [[first] * 3, [second] * 3], rtol=1e-12)
    assert forecast.freedom.tolist() == [np.inf, np.inf]
    assert fits.residuals == ()


@settings(deadline=None)
@given(arrays(np.float64, st.integers(1, 90), elements=st.floats(-0.2, 0.2) | st.just(np.nan)))
def test_variance_is_the_recursion_over_known_values(returns):
    known = returns[~np.isnan(returns)]
    variance = np.mean(known[:60] ** 2) if len(known) else 0.0
    for value in known:
        variance = 0.9 * variance + 0.1 * value**2
    got = ENGINE.forecast(ENGINE.fit(panel_of(returns), EWMA), 1).variance[0, 0]
    assert got == pytest.approx(max(variance, VOLATILITY_FLOOR**2), rel=1e-9)


def test_drift_is_the_mean_of_known_values():
    returns = np.array([0.01, np.nan, 0.03, -0.01])
    fits = ENGINE.fit(panel_of(returns), DRIFT)
    assert fits.names == ("mu",)
    np.testing.assert_allclose(fits.parameters, [[0.01]], rtol=1e-12)
    np.testing.assert_allclose(ENGINE.forecast(fits, 2).mean, [[0.01, 0.01]], rtol=1e-12)
    np.testing.assert_allclose(fits.residuals[0], [0.0, np.nan, 0.02, -0.02], atol=1e-15)
    assert fits.observations.tolist() == [3]


def test_random_walk_expects_nothing():
    fits = ENGINE.fit(panel_of([0.01, -0.02]), WALK)
    forecast = ENGINE.forecast(fits, 2)
    assert not forecast.mean.any()
    np.testing.assert_array_equal(forecast.response, [[1.0, 0.0]])
    np.testing.assert_array_equal(fits.residuals[0], [0.01, -0.02])


def test_season_repeats_its_latest_known_value():
    fits = ENGINE.fit(panel_of([1, 2, 3, 4, np.nan, 6, 7], [np.nan, 5]), NAIVE)
    forecast = ENGINE.forecast(fits, 5)
    np.testing.assert_array_equal(forecast.mean, [[2, 6, 7, 2, 6], [0, 0, 5, 0, 0]])
    np.testing.assert_array_equal(forecast.response, [[1, 0, 0, 1, 0]] * 2)
    np.testing.assert_array_equal(fits.residuals[0], [1, 2, 3, 3, np.nan, 3, 3])


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.family)
@pytest.mark.parametrize("cut", [0, 1, 17, 60, 63, 100])
def test_update_equals_the_longer_series(spec, cut):
    returns = np.random.default_rng(3).normal(0, 0.01, 101)
    returns[[17, 80]] = np.nan
    whole = panel_of(returns, returns[::-1])
    begun = ENGINE.fit(panel_of(returns[:cut], returns[::-1][:cut]), spec)
    new = ENGINE.update(begun, panel_of(returns[cut:], returns[::-1][cut:]))
    longer = ENGINE.at(whole, spec, begun.parameters)
    np.testing.assert_array_equal(new.state, longer.state)
    for some, all_of in zip(new.residuals, longer.residuals, strict=True):
        np.testing.assert_array_equal(some, all_of[cut:])


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.family)
def test_a_series_depends_on_itself_alone(spec):
    generator = np.random.default_rng(5)
    series = [generator.normal(0, 0.01, length) for length in (400, 61, 1000)]
    together = ENGINE.forecast(ENGINE.fit(panel_of(*series), spec), 4)
    for row, one in enumerate(series):
        alone = ENGINE.forecast(ENGINE.fit(panel_of(one), spec), 4)
        np.testing.assert_array_equal(numbers(alone)[0], numbers(together)[row])


def test_an_update_leaves_the_fit_as_it_was():
    fits = ENGINE.fit(panel_of(np.arange(70.0)), EWMA)
    before = fits.state.copy()
    ENGINE.update(fits, panel_of([1.0]))
    np.testing.assert_array_equal(fits.state, before)


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (ModelSpec("arma", (1, 0, 1)), "family arma"),
        (ModelSpec("seasonal_naive"), "bars of a season"),
        (ModelSpec("ewma", decay=1.0), "decay 1"),
    ],
)
def test_what_is_no_baseline_is_refused(spec, word):
    assert word in ENGINE.refusal(spec)
    with pytest.raises(ForecastError, match=word):
        ENGINE.fit(panel_of([0.1]), spec)


def test_wrong_calls_say_what_to_do():
    fits = ENGINE.fit(panel_of([0.1], [0.2]), DRIFT)
    with pytest.raises(ForecastError, match="align them"):
        ENGINE.update(fits, panel_of([0.1]))
    with pytest.raises(ForecastError, match="shape"):
        ENGINE.at(panel_of([0.1]), DRIFT, np.zeros((2, 1)))
    with pytest.raises(ForecastError, match="not positive"):
        ENGINE.forecast(fits, 0)

"""The router: who does what and why, hostile series through every spec, batches against single calls."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from tests.forecasting.engines.hostile import BARS, SPECS, hostile, ordinary, returns
from tradepipe.forecasting.engines import filter_batch, fit_batch, forecast_batch, update_batch
from tradepipe.forecasting.engines.ladder import BY_NAME, stand_in
from tradepipe.forecasting.engines.limits import objections
from tradepipe.forecasting.engines.merging import OWN, SPARE
from tradepipe.forecasting.model import ForecastError, MeanForecast, ModelSpec, Panel, VarianceForecast

ARMA = ModelSpec("arma", (1, 0, 1))
GJR_T = ModelSpec("gjr", (1, 1), mean="zero", distribution="t")
HORIZON = 5


def routed(values, spec, **options):
    """Engine and reason of one series."""
    exog = options.pop("exog", None)
    fits = fit_batch(Panel(("A",), (values,), () if exog is None else (exog,)), [spec], **options)[spec]
    return fits.engine[0], fits.reason[0]


def numbers(forecast):
    return forecast.variance if isinstance(forecast, VarianceForecast) else forecast.mean


def assert_usable(forecast):
    assert objections(forecast) == [None] * len(numbers(forecast))
    assert all(engine in BY_NAME for engine in forecast.engine)


class TestReasons:
    def test_a_clean_series_goes_to_the_kernels_without_a_reason(self):
        assert routed(returns(0), ARMA) == ("batched", None)
        assert routed(returns(0), GJR_T) == ("batched", None)

    def test_what_the_kernels_refuse_goes_to_the_reference(self):
        egarch = ModelSpec("egarch", (1, 1), mean="zero")
        assert routed(returns(0), egarch) == ("reference", "batched: family egarch is not GARCH or GJR")
        skewed = replace(GJR_T, distribution="skewt")
        assert routed(returns(0), skewed) == ("reference", "batched: law skewt is not normal or t")

    def test_missing_values_go_to_the_reference(self):
        values = returns(0)
        values[7] = np.nan
        assert routed(values, ARMA) == ("reference", "batched: missing or infinite values")
        assert routed(values, GJR_T) == ("reference", "batched: a return is not finite")

    def test_a_short_series_goes_to_the_reference_and_a_shorter_one_to_the_baseline(self):
        assert routed(returns(0, 90), GJR_T) == ("reference", "batched: 90 returns, fewer than 100")
        engine, reason = routed(returns(0, 40), GJR_T)
        assert engine == "baseline"
        assert reason.startswith(
            "batched: 40 returns, fewer than 100; reference: 40 observations, 50 needed; baseline: "
        )

    def test_a_constant_series_goes_to_the_baseline(self):
        assert routed(np.full(BARS, 0.01), ARMA) == (
            "baseline",
            "batched: constant series; reference: the values are constant",
        )

    def test_the_peers_can_be_asked_for(self):
        assert routed(returns(0), ARMA, engine="reference") == ("reference", None)
        assert routed(np.zeros(BARS), ARMA, engine="reference") == ("baseline", "reference: the values are constant")

    def test_samossa_falls_to_the_baseline(self):
        spec = ModelSpec("samossa", ranks=(1,), lags=1)
        engine, reason = routed(np.zeros(BARS), spec)
        assert engine == "baseline"
        assert reason.startswith("samossa: ")

    def test_a_baseline_is_its_own_engine(self):
        assert routed(returns(0), ModelSpec("drift")) == ("baseline", None)

    def test_numbers_beyond_the_limits_are_refused_when_fitted(self):
        engine, reason = routed(1e4 * returns(0), GJR_T)
        assert engine == "baseline"
        assert "batched: forecast is garbage: a volatility of" in reason
        assert "reference: forecast is garbage: a volatility of" in reason

    def test_an_engine_that_stumbles_loses_its_rows_and_no_more(self, monkeypatch):
        def stumble(*_args, **_options):
            raise np.linalg.LinAlgError("no such inverse")

        monkeypatch.setattr(BY_NAME["batched"], "fit", stumble, raising=False)
        assert routed(returns(0), ARMA) == ("reference", "batched: LinAlgError: no such inverse")

    def test_stand_ins(self):
        assert stand_in(ARMA) == ModelSpec("random_walk")
        assert stand_in(replace(GJR_T, decay=0.9)) == ModelSpec("ewma", decay=0.9)
        assert stand_in(ModelSpec("drift")) == ModelSpec("drift")


@pytest.fixture(scope="module")
def hostile_fits():
    return fit_batch(hostile(), SPECS)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.text)
def test_hostile_series_have_a_forecast_and_who_steps_down_a_reason(hostile_fits, spec):
    panel, fits = hostile(), hostile_fits[spec]
    states = {spec: fits}
    assert fits.symbols == panel.symbols
    first = next(rung.name for rung in BY_NAME.values() if rung.refusal(spec) is None)
    assert all(reason for engine, reason in zip(fits.engine, fits.reason, strict=True) if engine != first)
    assert_usable(forecast_batch(states, HORIZON)[spec])
    for bars in ([0.0, 0.5, -0.5], [np.nan, np.inf, 0.01], [1e6], []):
        later = update_batch(states, Panel(panel.symbols, (np.array(bars, dtype=float),) * len(panel)))
        assert_usable(forecast_batch(later, HORIZON)[spec])
    again = fit_batch(panel, [spec], states, turn=3)
    assert_usable(forecast_batch(again, 1)[spec])


@pytest.mark.slow
def test_hostile_neighbours_change_nothing(hostile_fits):
    panel = hostile()
    for spec in SPECS:
        if spec.family == "samossa":
            continue
        alone, row = fit_batch(panel.take([0]), [spec])[spec], hostile_fits[spec].take(np.array([0]))
        np.testing.assert_array_equal(alone.parameters, row.parameters)
        np.testing.assert_array_equal(
            numbers(forecast_batch({spec: alone}, HORIZON)[spec]), numbers(forecast_batch({spec: row}, HORIZON)[spec])
        )


def test_a_batch_is_its_single_calls_in_any_order():
    panel = ordinary(6, 300)
    panel.values[4][10] = np.nan
    order = [3, 0, 5, 4, 1, 2]
    specs = [ARMA, GJR_T, ModelSpec("egarch", (1, 1), mean="zero"), ModelSpec("ewma"), ModelSpec("drift")]
    whole, mixed = fit_batch(panel, specs), fit_batch(panel.take(order), specs)
    for spec in specs:
        ahead = numbers(forecast_batch(whole, HORIZON)[spec])
        np.testing.assert_array_equal(ahead[order], numbers(forecast_batch(mixed, HORIZON)[spec]))
        np.testing.assert_array_equal(whole[spec].parameters[order], mixed[spec].parameters)
        for row in (0, 4):
            single = forecast_batch(fit_batch(panel.take([row]), [spec]), HORIZON)[spec]
            np.testing.assert_array_equal(numbers(single)[0], ahead[row])


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.text)
def test_new_bars_are_taken_in_as_if_filtered_with_the_others(spec):
    panel, more = ordinary(4, 300), [returns(70 + i, 8) for i in range(4)]
    panel.values[2][50] = np.nan
    states = fit_batch(panel, [spec])
    updated = update_batch(states, Panel(panel.symbols, tuple(more)))
    one_by_one = states
    for bar in range(8):
        one_by_one = update_batch(one_by_one, Panel(panel.symbols, tuple(new[bar : bar + 1] for new in more)))
    ahead = numbers(forecast_batch(updated, HORIZON)[spec])
    np.testing.assert_allclose(numbers(forecast_batch(one_by_one, HORIZON)[spec]), ahead, rtol=1e-12, atol=1e-18)
    if not spec.is_variance:
        assert [len(errors) for errors in updated[spec].residuals] == [8] * 4
    if spec.family in {"random_walk", "drift", "seasonal_naive", "arma"}:
        joined = Panel(panel.symbols, tuple(np.r_[a, b] for a, b in zip(panel.values, more, strict=True)))
        filtered = filter_batch(states, joined)
        np.testing.assert_allclose(numbers(forecast_batch(filtered, HORIZON)[spec]), ahead, rtol=1e-7, atol=1e-15)


@pytest.mark.parametrize("bars", [15, 59, 120])
def test_what_stands_in_for_a_variance_does_not_tell_how_bars_came(bars):
    panel, more = ordinary(3, bars), [returns(70 + i, 70) for i in range(3)]
    panel.values[1][9], more[1][2] = np.nan, np.nan
    whole = Panel(panel.symbols, tuple(np.r_[a, b] for a, b in zip(panel.values, more, strict=True)))
    ewma = fit_batch(whole, [ModelSpec("ewma")])[ModelSpec("ewma")]
    for spec in (ModelSpec("ewma"), GJR_T):
        states = fit_batch(panel, [spec])
        for bar in range(70):
            states = update_batch(states, Panel(panel.symbols, tuple(new[bar : bar + 1] for new in more)))
        np.testing.assert_array_equal(states[spec].state[:, SPARE:OWN], ewma.state[:, SPARE:OWN])


@pytest.mark.parametrize("decay", [0.0, 1.0, -1.0, np.nan])
@pytest.mark.parametrize("family", ["ewma", "gjr"])
def test_a_decay_that_is_none_is_refused(family, decay):
    with pytest.raises(ForecastError, match=r"no baseline can stand in: decay .* is not between 0 and 1"):
        fit_batch(ordinary(1), [ModelSpec(family, (1, 1) if family == "gjr" else (), decay=decay)])


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.text)
def test_a_fit_can_be_kept_as_parameters_and_filtered_back(hostile_fits, spec):
    fits = hostile_fits[spec]
    kept = replace(fits, state=np.empty((len(fits), 0)), residuals=(), curvature=None)
    back = filter_batch({spec: kept}, hostile())[spec]
    assert (back.engine, back.reason) == (fits.engine, fits.reason)
    np.testing.assert_array_equal(back.parameters, fits.parameters)
    np.testing.assert_array_equal(
        numbers(forecast_batch({spec: back}, HORIZON)[spec]), numbers(forecast_batch({spec: fits}, HORIZON)[spec])
    )


def test_reference_fits_are_filtered_back_by_the_reference():
    panel = ordinary(2, 300)
    fits = fit_batch(panel, [ARMA], engine="reference")
    back = filter_batch(fits, panel)[ARMA]
    assert (back.engine, back.reason) == (("reference",) * 2, (None,) * 2)


def test_a_row_that_cannot_be_filtered_any_more_falls_with_a_reason():
    fits = fit_batch(ordinary(2, 300), [ARMA])
    panel = Panel(("S000", "S001"), (returns(1), np.zeros(300)))
    back = filter_batch(fits, panel)[ARMA]
    assert back.engine == ("batched", "baseline")
    assert "constant series" in back.reason[1]


class TestWarmStarts:
    def test_series_are_found_by_their_symbols(self):
        panel = ordinary(5, 400)
        before = fit_batch(panel, [GJR_T])
        order = [4, 2, 0]
        mixed = fit_batch(panel.take(order), [GJR_T], before, turn=1)[GJR_T]
        whole = fit_batch(panel, [GJR_T], before, turn=1)[GJR_T]
        np.testing.assert_array_equal(mixed.parameters, whole.parameters[order])

    def test_a_new_symbol_starts_cold_beside_warm_ones(self):
        panel = ordinary(3, 400)
        before = fit_batch(panel.take([0, 1]), [ARMA, GJR_T])
        both = fit_batch(panel, [ARMA, GJR_T], before, turn=1)
        for spec in (ARMA, GJR_T):
            cold = fit_batch(panel.take([2]), [spec])[spec]
            assert both[spec].log_likelihood[2] == pytest.approx(cold.log_likelihood[0], abs=1e-3)
            assert both[spec].engine == ("batched",) * 3

    def test_previous_of_other_symbols_is_no_previous(self):
        panel = ordinary(2, 400)
        strangers = Panel(("X", "Y"), panel.values)
        cold = fit_batch(panel, [GJR_T])[GJR_T]
        found = fit_batch(panel, [GJR_T], fit_batch(strangers, [GJR_T]), turn=1)[GJR_T]
        np.testing.assert_array_equal(found.parameters, cold.parameters)

    @pytest.mark.parametrize("spec", [ARMA, GJR_T], ids=lambda spec: spec.text)
    def test_a_row_that_another_engine_fitted_before_starts_cold(self, spec):
        clean, gap = ordinary(2, 400), ordinary(2, 400)
        gap.values[1][5] = np.nan
        mixed, clear = fit_batch(gap, [spec]), fit_batch(clean, [spec])
        assert mixed[spec].engine == ("batched", "reference")
        for before, panel, engine in ((mixed, clean, "batched"), (clear, gap, "reference")):
            found = fit_batch(panel, [spec], before, turn=1)[spec].take(np.array([1]))
            cold = fit_batch(panel.take([1]), [spec], turn=1)[spec]
            assert found.engine == (engine,)
            np.testing.assert_array_equal(found.parameters, cold.parameters)
            assert found.evaluations == cold.evaluations

    def test_rows_of_several_engines_start_warm_each(self):
        panel = ordinary(3, 400)
        panel.values[1][5] = np.nan
        before = fit_batch(panel, [ARMA, GJR_T])
        warm = fit_batch(panel, [ARMA, GJR_T], before, turn=1)
        for spec in (ARMA, GJR_T):
            assert warm[spec].engine == ("batched", "reference", "batched")
            assert (warm[spec].log_likelihood > before[spec].log_likelihood - 1e-3).all()
            assert warm[spec].evaluations[1] < before[spec].evaluations[1]
            assert warm[spec].evaluations[[0, 2]].sum() < before[spec].evaluations[[0, 2]].sum()


class TestForecastsThatAreRefused:
    def test_an_explosive_mean_becomes_a_random_walk(self):
        fits = fit_batch(ordinary(2), [ARMA])[ARMA]
        fits.parameters[1, fits.names.index("mean")] = 7.0
        forecast = forecast_batch({ARMA: fits}, 3)[ARMA]
        assert forecast.engine == ("batched", "baseline")
        assert forecast.reason[0] is None
        assert forecast.reason[1].startswith("forecast is garbage: a mean return of ")
        np.testing.assert_array_equal(forecast.mean[1], np.zeros(3))
        np.testing.assert_array_equal(forecast.response[1], [1.0, 0.0, 0.0])

    def test_an_unusable_variance_becomes_the_baselines(self):
        panel = ordinary(2)
        more = Panel(panel.symbols, (returns(1, 4), returns(2, 4)))
        ewma = ModelSpec("ewma")
        fits = update_batch(fit_batch(panel, [GJR_T, ewma]), more)
        for spoilt in (np.nan, np.inf, 0.0, 1e9, -1.0):
            broken = fits[GJR_T].with_state(fits[GJR_T].state.copy())
            broken.state[1, OWN] = spoilt
            forecast = forecast_batch({GJR_T: broken}, 3)[GJR_T]
            assert forecast.engine == ("batched", "baseline")
            assert forecast.reason[1].startswith("forecast is ")
            assert forecast.freedom[1] == np.inf
            expected = forecast_batch({ewma: fits[ewma]}, 3)[ewma].variance[1]
            np.testing.assert_allclose(forecast.variance[1], expected, rtol=1e-9)

    def test_a_baseline_beyond_the_limits_is_moved_within(self):
        wild = Panel(("A", "B"), (1e3 * returns(1), np.zeros(BARS)))
        ewma, drift = ModelSpec("ewma"), ModelSpec("drift")
        forecast = forecast_batch(fit_batch(Panel(("A",), (1e3 + returns(1),)), [drift]), 2)[drift]
        assert_usable(forecast)
        found = forecast_batch(fit_batch(wild, [ewma]), 4)[ewma]
        assert np.sqrt(found.variance[0].sum()) == pytest.approx(5.0)
        assert "a volatility of" in found.reason[0]
        assert np.sqrt(found.variance[1, 0]) == pytest.approx(1e-8)

    def test_no_horizon(self):
        with pytest.raises(ForecastError, match="horizon 0"):
            forecast_batch({}, 0)


class TestPanels:
    def test_an_empty_panel(self):
        empty = Panel((), ())
        states = fit_batch(empty, SPECS)
        for spec in SPECS:
            assert len(states[spec]) == 0
            assert states[spec].names == fit_batch(hostile().take([0]), [spec])[spec].names
        forecasts = forecast_batch(update_batch(filter_batch(states, empty), empty), 3)
        assert {numbers(forecast).shape for forecast in forecasts.values()} == {(0, 3)}

    def test_a_symbol_twice(self):
        with pytest.raises(ForecastError, match="the panel has A twice"):
            fit_batch(Panel(("A", "B", "A"), (returns(1),) * 3), [ARMA])

    def test_parts_of_different_lengths(self):
        with pytest.raises(ForecastError, match="2 symbols and 1 values"):
            fit_batch(Panel(("A", "B"), (returns(1),)), [ARMA])
        with pytest.raises(ForecastError, match="2 symbols and 1 groups"):
            fit_batch(Panel(("A", "B"), (returns(1),) * 2, groups=("x",)), [ARMA])
        with pytest.raises(ForecastError, match=r"values of A have shape \(400, 1\)"):
            fit_batch(Panel(("A",), (returns(1)[:, None],)), [ARMA])

    def test_bars_are_found_by_their_symbols_and_may_be_absent(self):
        panel = ordinary(3)
        states = fit_batch(panel, [ARMA, GJR_T])
        new = np.array([0.02])
        some = update_batch(states, Panel(("S002", "S000"), (new, -new)))
        every = update_batch(states, Panel(panel.symbols, (-new, np.empty(0), new)))
        for spec in (ARMA, GJR_T):
            np.testing.assert_array_equal(some[spec].state, every[spec].state)
            np.testing.assert_array_equal(some[spec].state[1], states[spec].state[1])

    @pytest.mark.parametrize("engine", ["auto", "reference"])
    def test_a_symbol_without_new_bars_keeps_its_regressors_ahead(self, engine):
        spec, exog = replace(ARMA, exog=("x",)), np.random.default_rng(8).normal(size=(BARS + 3, 1))
        states = fit_batch(Panel(("A", "B"), (returns(1), returns(2)), (exog, exog)), [spec], engine=engine)
        expected = forecast_batch(states, 3)[spec].mean[0]
        nothing = update_batch(states, Panel((), ()))
        np.testing.assert_array_equal(forecast_batch(nothing, 3)[spec].mean[0], expected)
        other = update_batch(states, Panel(("B",), (returns(2)[:1],), (exog[BARS : BARS + 2],)))
        np.testing.assert_array_equal(forecast_batch(other, 3)[spec].mean[0], expected)

    def test_bars_of_a_stranger(self):
        with pytest.raises(ForecastError, match="new bars of X, of which there is no fit"):
            update_batch(fit_batch(ordinary(1), [ARMA]), Panel(("X",), (returns(1, 1),)))
        with pytest.raises(ForecastError, match="align them"):
            filter_batch(fit_batch(ordinary(2), [ARMA]), ordinary(1))

    def test_regressors_ahead_are_carried_through_the_router(self):
        generator = np.random.default_rng(8)
        exog = generator.normal(size=(BARS + 3, 1))
        values = returns(1) + 0.01 * exog[:BARS, 0]
        spec = replace(ARMA, exog=("x",))
        gap = values.copy()
        gap[5] = np.nan
        states = fit_batch(Panel(("A", "B"), (values, gap), (exog[: BARS + 1],) * 2), [spec])
        assert states[spec].engine[1] == "reference"
        later = update_batch(states, Panel(("A", "B"), (values[:1],) * 2, (exog[BARS : BARS + 3],) * 2))
        beta = states[spec].parameters[:, states[spec].names.index("x")]
        ahead = forecast_batch(later, 3)[spec].mean
        bare = update_batch(states, Panel(("A", "B"), (values[:1],) * 2, (np.r_[exog[BARS : BARS + 1], [[0.0]]],) * 2))
        added = ahead - forecast_batch(bare, 3)[spec].mean
        np.testing.assert_allclose(added, beta[:, None] * exog[[BARS + 1, BARS + 2, BARS + 2], 0], rtol=1e-9)


class TestRegressors:
    SPEC = replace(ARMA, exog=("x",))

    def routed(self, values, exog, **options):
        fits = fit_batch(Panel(("A",), (values,), (exog,)), [self.SPEC], **options)
        assert_usable(forecast_batch(fits, HORIZON)[self.SPEC])
        return fits[self.SPEC].engine[0], fits[self.SPEC].reason[0]

    def test_none_at_all(self):
        assert self.routed(np.empty(0), np.empty((0, 1)))[0] == "baseline"
        engine, reason = self.routed(returns(1), np.full((BARS + 1, 1), np.nan))
        assert engine == "baseline"
        assert "batched: missing or infinite regressors; reference: regressor x is constant" in reason

    def test_one_that_varies_only_ahead_is_constant(self):
        step = (np.arange(BARS + 2) >= BARS).astype(float)[:, None]
        found = self.routed(returns(1), step, engine="reference")
        assert found == ("baseline", "reference: regressor x is constant")

    @pytest.mark.parametrize("engine", ["auto", "reference"])
    def test_one_that_is_missing_ahead_leaves_nothing_to_say_of_the_mean(self, engine):
        exog = 20 + np.random.default_rng(3).normal(size=(BARS + 1, 1))
        values = returns(1) + 0.01 * exog[:BARS, 0]
        states = fit_batch(Panel(("A",), (values,), (exog,)), [self.SPEC], engine=engine)
        for missing in (np.nan, np.inf):
            new = Panel(("A",), (values[:1],), (np.array([[20.0], [missing]]),))
            later = update_batch(states, new)
            found = forecast_batch(later, 3)[self.SPEC]
            assert (found.engine, found.reason) == (("baseline",), ("forecast is not finite",))
            after = update_batch(later, Panel(("A",), (values[:1],), (np.array([[20.0], [20.0]]),)))
            assert forecast_batch(after, 3)[self.SPEC].reason == (None,)


@pytest.mark.slow
def test_eight_threads_of_fifty_symbols_are_the_sequential_result():
    panel = ordinary(50, 260)
    for row in range(0, 50, 10):
        panel.values[row][7] = np.nan  # a share of them goes to the peers
    specs = [ARMA, GJR_T]

    def run(_):
        states = fit_batch(panel, specs, threads=2)
        return [states[spec].parameters for spec in specs] + [
            numbers(one) for one in forecast_batch(states, 3).values()
        ]

    expected = run(0)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(run, range(8)):
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_importing_the_engines_is_light():
    heavy = {"statsmodels", "arch", "scipy", "pandas", "pandera", "matplotlib", "numba"}
    modules = "tradepipe.forecasting.engines, tradepipe.forecasting.audit.peers"
    script = f"import sys, {modules}; print({heavy!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_forecasts_are_of_the_kind_of_their_spec(hostile_fits):
    for spec, forecast in forecast_batch(hostile_fits, 2).items():
        assert isinstance(forecast, VarianceForecast if spec.is_variance else MeanForecast)

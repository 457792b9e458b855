import numpy as np
import polars as pl
import pytest
from scipy import stats

from tradepipe.forecasting.engines import filter_batch
from tradepipe.forecasting.members import members_of
from tradepipe.forecasting.model import Panel
from tradepipe.forecasting.refits.bars import Bars
from tradepipe.forecasting.refits.drift import Watch, log_density, upper_quantile
from tradepipe.forecasting.refits.fitting import Fitter, Window
from tradepipe.forecasting.refits.rehearsal import rehearse
from tradepipe.settings.forecasts import DriftSettings, ForecastSettings

FREEDOM = np.array([np.inf, 5.0, 2.5])


def test_densities_and_quantiles_are_those_of_scipy():
    for deviation in (-3.0, 0.0, 0.7):
        told = log_density(np.full(3, deviation), FREEDOM)
        scale = np.sqrt((FREEDOM[1:] - 2) / FREEDOM[1:])
        expected = [stats.norm.logpdf(deviation), *stats.t.logpdf(deviation, FREEDOM[1:], scale=scale)]
        np.testing.assert_allclose(told, expected, rtol=1e-12)
    np.testing.assert_allclose(upper_quantile(FREEDOM), [1.959963984540054, *stats.t.ppf(0.975, FREEDOM[1:]) * scale])


def watched(values, settings, variance=1.0):
    """A watch over one symbol, of whom each of `values` came, forecast as 0 with `variance`."""
    watch = Watch(settings, 3)
    for value in values:
        watch.meet(np.array([1]), np.array([value]), np.zeros(1), np.full(1, variance), np.full(1, np.inf))
    return watch


USUAL = np.array([-1.4])  # of the standard normal law, nearly
ONE = np.array([1])


def test_bars_as_expected_ask_for_nothing():
    calm = np.random.default_rng(1).normal(size=40)
    assert not watched(calm, DriftSettings()).drifted(ONE, USUAL)[0]


@pytest.mark.parametrize(
    ("settings", "fires"),
    [
        (DriftSettings(coverage=0), True),
        (DriftSettings(log_likelihood=0), True),
        (DriftSettings(log_likelihood=0, coverage=0), False),
        (DriftSettings(log_likelihood=50, coverage=0), False),
        (DriftSettings(log_likelihood=0, coverage=0.9), False),
    ],
)
def test_bars_three_times_as_wild_ask_for_a_refit_by_either_sign(settings, fires):
    wild = 3 * np.random.default_rng(1).normal(size=40)
    assert watched(wild, settings).drifted(ONE, USUAL)[0] == fires


def test_too_few_bars_ask_for_nothing_and_old_ones_are_forgotten():
    wild, calm = 9 * np.ones(19), 0.5 * np.ones(20)
    assert not watched(wild, DriftSettings()).drifted(ONE, USUAL)[0]
    assert watched([*wild, 9], DriftSettings()).drifted(ONE, USUAL)[0]
    assert not watched([*wild, 9, *calm], DriftSettings()).drifted(ONE, USUAL)[0]
    watch = watched([*wild, 9], DriftSettings())
    assert not watch.drifted(np.array([0, 2]), np.array([-1.4, -1.4])).any()
    watch.forget(ONE)
    assert not watch.drifted(ONE, USUAL)[0]


def test_without_a_fitted_law_only_coverage_counts():
    watch = watched(9 * np.ones(20), DriftSettings(coverage=0))
    assert not watch.drifted(ONE, np.array([np.nan]))[0]


@pytest.fixture(scope="module")
def broken(make):
    """Two symbols over three months; one turns twelve times as wild in the middle of the last."""
    calm, wild = make.simulate(11, 340), make.simulate(12, 340)
    calm[-20:] *= 0.4
    wild[-12:] *= 12
    panel = make.panel({"CALM": calm, "WILD": wild})
    settings = ForecastSettings(
        horizon=2,
        train_bars=260,
        min_train_bars=255,
        refit="month",
        drift=DriftSettings(bars=5, log_likelihood=1.5, coverage=0),
    )
    window = make.windows(panel, 300).tail(1)
    return panel, window, settings


def test_a_fit_that_no_longer_describes_the_bars_is_made_anew(broken, make):
    panel, window, settings = broken
    run = make.members(panel, window, settings)
    drifted = run.fits.filter(trigger="drift")
    assert set(drifted["symbol"]) == {"WILD"}
    assert set(drifted["model"]) == {"arma_garch", "samossa"}
    assert (drifted["session"] > panel["session"].unique().sort()[-13]).all()
    # What it serves rests on it from its own bar on, and the other symbol goes on as it was.
    without = make.members(
        panel, window, settings.model_copy(update={"drift": DriftSettings(log_likelihood=0, coverage=0)})
    )
    assert without.fits.filter(trigger="drift").is_empty()
    one = drifted.filter(model="arma_garch")["session"].min()
    changed = run.forecasts.with_columns(
        changed=pl.Series(run.forecasts["volatility_arma_garch"] != without.forecasts["volatility_arma_garch"])
    ).filter(pl.col("changed"))
    assert changed["session"].min() == one
    assert set(changed["symbol"]) == {"WILD"}
    assert run.forecasts.filter(symbol="WILD")["fitted_through"].max() >= one
    same = [name for name in run.forecasts.columns if name.endswith(("random_walk", "drift", "seasonal_naive"))]
    assert run.forecasts.select(same).equals(without.forecasts.select(same))


def test_daily_refits_leave_nothing_to_drift(broken, make):
    panel, window, settings = broken
    run = make.members(panel, window, settings.model_copy(update={"refit": "day"}))
    assert "drift" not in run.fits["trigger"]


def test_a_partition_shorter_than_the_watch_is_long_sees_drift_too(broken, make):
    panel, window, settings = broken
    told = settings.model_copy(update={"drift": DriftSettings(bars=40, log_likelihood=0.5, coverage=0)})
    assert panel.filter(pl.col("session") >= window["first_session"].item())["session"].n_unique() < 40
    drifted = make.members(panel, window, told).fits.filter(trigger="drift")
    assert set(drifted["symbol"]) == {"WILD"}
    assert (drifted["session"] > panel["session"].unique().sort()[-13]).all()


def rehearsed(values, drift):
    """A watch after a chain's first fit to all of `values`."""
    count = len(values)
    bars = Bars(("A",), values, np.arange(count), np.arange(count))
    window = Window(count - 1, 0, "first", np.array([0]), np.array([0]), np.array([count]))
    member = next(one for one in members_of(ForecastSettings()) if one.name == "arma_garch")
    (fit,) = Fitter().chain(member, bars, [window])[0]
    watch = Watch(drift, 1)
    rehearse(watch, member, fit, bars)
    return watch, member, fit, bars.panel(window.rows, window.starts, window.stops)


def test_a_chain_begins_with_the_last_bars_of_its_first_window(make):
    watch, member, fit, panel = rehearsed(make.simulate(3, 600), DriftSettings(bars=30))
    mean = filter_batch({member.mean: fit.mean}, panel)[member.mean]
    errors = mean.residuals[0]
    said = [
        filter_batch({member.variance: fit.variance}, Panel(panel.symbols, (part,)))[member.variance].log_likelihood[0]
        for part in (errors, errors[:-30])
    ]
    # A part's variance before its first bar is its own, which the newest bars hardly remember.
    assert watch._heights[:, 0].sum() == pytest.approx(said[0] - said[1], abs=0.1)
    assert watch._inside[:, 0].mean() == pytest.approx(0.95, abs=0.1)


def test_what_a_fit_never_described_is_no_drift_from_it(make):
    values = make.simulate(4, 600)
    values[-30:] *= 8
    watch = rehearsed(values, DriftSettings(bars=30, log_likelihood=0.2))[0]
    assert np.isnan(watch._heights).all()


@pytest.mark.parametrize(("count", "blind"), [(119, True), (120, False)])
def test_a_watch_rehearses_what_the_fit_s_own_engine_says_or_nothing(make, count, blind):
    drift = DriftSettings(bars=20, log_likelihood=9, coverage=1)  # nothing counts as drift
    watch = rehearsed(make.simulate(3, count), drift)[0]  # the engine takes no fewer than 100 bars
    assert np.isnan(watch._heights).all() == blind


def test_where_nothing_is_watched_nothing_is_rehearsed(make):
    watch = rehearsed(make.simulate(3, 600), DriftSettings(bars=30, log_likelihood=0, coverage=0))[0]
    assert np.isnan(watch._heights).all()

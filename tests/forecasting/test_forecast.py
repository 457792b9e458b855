import warnings

import numpy as np
import polars as pl
import pytest

from tradepipe.contracts import FORECASTS, validate
from tradepipe.forecasting import compute_forecasts, fit_and_forecast
from tradepipe.settings.forecasts import ForecastSettings


@pytest.fixture(scope="module")
def run(panel, windows, settings, grid):
    return fit_and_forecast(panel, windows, settings, grid=grid)


def test_keeps_its_contract_in_every_partition(run):
    for (partition,), frame in run.forecasts.partition_by("partition", as_dict=True).items():
        validate(FORECASTS.arrange(frame), FORECASTS, market="test", layer="forecasts", partition=partition)


def test_every_origin_has_every_horizon_of_every_model_that_has_enough_bars(run, panel, windows, settings):
    for window in windows.to_dicts():
        before = panel.filter(pl.col("session") < window["first_session"])["log_return"].is_not_null().sum() // 2
        origins = panel.filter(pl.col("session").is_between(window["first_session"], window["last_session"])).height
        rows = run.forecasts.filter(pl.col("partition") == window["partition"])
        models = (before >= 60) + (before >= settings.min_train_bars)
        assert rows.height == models * origins * settings.horizon
    assert set(run.forecasts["model"].unique()) == {"random_walk", "arma_garch"}


def test_says_why_there_is_no_forecast(run):
    early = run.fits.filter(pl.col("engine").is_null()).sort("partition", "model")
    assert early["partition"].min() == "2015-01"
    assert early.row(0, named=True)["fallback"] == "0 returns before 2015-01-01, 150 needed"


def test_prices_follow_from_returns(run):
    rows = run.forecasts.filter(pl.col("model") == "arma_garch")
    price = rows["origin_price"] * rows["mean_return"].exp()
    np.testing.assert_allclose(rows["price"], price, rtol=1e-12)
    upper, lower = (rows["price_upper_95"] / rows["price"]).log(), (rows["price"] / rows["price_lower_95"]).log()
    np.testing.assert_allclose(upper, lower, rtol=1e-9)
    walk = run.forecasts.filter(pl.col("model") == "random_walk")
    quantile = (walk["price_upper_95"] / walk["price"]).log() / walk["volatility"]
    np.testing.assert_allclose(quantile, 1.959963984540054, rtol=1e-9)
    assert (run.forecasts["price_lower_95"] < run.forecasts["price"]).all()
    assert (run.forecasts["price"] < run.forecasts["price_upper_95"]).all()


def test_targets_are_the_horizons_sessions_of_the_grid(run, grid):
    sessions, opens = grid["session"].to_list(), grid["open_time"].to_list()
    for row in run.forecasts.sample(50, seed=1).to_dicts():
        assert sessions.index(row["target_session"]) - sessions.index(row["session"]) == row["horizon"]
        assert opens.index(row["target_open_time"]) - opens.index(row["open_time"]) == row["horizon"]


def test_parameters_are_fitted_on_earlier_partitions_only(run, panel):
    for row in run.forecasts.group_by("partition").agg(pl.col("fitted_through", "session").min()).to_dicts():
        assert row["fitted_through"] == panel.filter(pl.col("session") < row["session"])["session"].max()


def test_fits_are_told_as_data(run):
    fitted = run.fits.filter(pl.col("engine") == "reference")
    assert fitted.height == run.fits.filter(pl.col("model") == "arma_garch", pl.col("engine").is_not_null()).height
    assert (fitted["observations"].is_between(150, 200)).all()
    assert (
        fitted.select(pl.all_horizontal(pl.col("converged", "log_likelihood", "persistence").is_not_null()))
        .to_series()
        .all()
    )
    assert (fitted["scale"] == 100).all()


def test_alone_in_a_range_and_twice_are_the_same(run, panel, windows, settings, grid):
    again = fit_and_forecast(panel, windows, settings, grid=grid)
    assert again.forecasts.equals(run.forecasts)
    assert again.fits.equals(run.fits)
    for window in windows.tail(3).iter_slices(1):
        alone = compute_forecasts(panel, window, settings, grid=grid)
        assert alone.height
        assert alone.equals(run.forecasts.filter(pl.col("partition") == window.item(0, "partition")))


def test_neither_order_nor_company_of_symbols_matters(run, panel, windows, settings, grid):
    last = windows.tail(2)
    expected = run.forecasts.filter(pl.col("partition").is_in(last["partition"].to_list()))
    shuffled = compute_forecasts(panel.sample(fraction=1, shuffle=True, seed=3), last, settings, grid=grid)
    assert shuffled.equals(expected)
    alone = compute_forecasts(panel.filter(pl.col("symbol") == "BBB"), last, settings, grid=grid)
    assert alone.equals(expected.filter(pl.col("symbol") == "BBB"))


def test_progress_starts_at_none_and_ends_at_all(panel, windows, settings, grid):
    told = []
    few = windows.tail(2)
    compute_forecasts(panel, few, settings, grid=grid, on_progress=lambda *report: told.append(report))
    assert told == [("forecasts", 0, 2), ("forecasts", 1, 2), ("forecasts", 2, 2)]


def test_nothing_asked_for_is_an_empty_frame(panel, windows, settings, grid):
    nothing = compute_forecasts(panel, windows.head(0), settings, grid=grid)
    assert nothing.schema == {"partition": pl.String, **FORECASTS.polars_schema}


def test_missing_columns_are_named(panel, windows, settings, grid):
    with pytest.raises(ValueError, match="panel lacks column log_return"):
        compute_forecasts(panel.drop("log_return"), windows, settings, grid=grid)
    with pytest.raises(ValueError, match="windows lacks column anchor_session"):
        compute_forecasts(panel, windows.drop("anchor_session"), settings, grid=grid)
    with pytest.raises(ValueError, match="grid lacks column open_time"):
        compute_forecasts(panel, windows.tail(1), settings, grid=grid.drop("open_time"))


def test_a_grid_with_a_bar_twice_is_refused(panel, windows, settings, grid):
    with pytest.raises(ValueError, match="grid has 1 repeated open_time"):
        compute_forecasts(panel, windows.tail(1), settings, grid=pl.concat([grid, grid.tail(1)]))


def test_a_grid_that_ends_too_early_is_refused(panel, windows, settings, grid):
    last = panel["session"].max()
    with pytest.raises(ValueError, match="grid ends before the target of"):
        compute_forecasts(panel, windows.tail(1), settings, grid=grid.filter(pl.col("session") <= last))


def test_an_origin_off_the_grid_is_refused(panel, windows, settings, grid):
    last = panel["session"].max()
    with pytest.raises(ValueError, match="not on the grid"):
        compute_forecasts(panel, windows.tail(1), settings, grid=grid.filter(pl.col("session") != last))


def hostile(name, make):
    calm = make.simulate(21, 260)
    spike = calm.copy()
    spike[150] = 50 * calm.std()
    late_spike = calm.copy()
    late_spike[255] = 50 * calm.std()
    jump = np.zeros(260)
    jump[200] = 0.4
    late_jump = np.zeros(260)
    late_jump[255] = 3.0
    halted = calm.copy()
    halted[60:200] = 0.0
    return {
        "constant": np.zeros(260),
        "constant growth": np.full(260, 0.001),
        "spike of 50 sigma in training": spike,
        "spike of 50 sigma among origins": late_spike,
        "zero variance then jump": jump,
        "zero variance then jump among origins": late_jump,
        "mostly halted": halted,
        "two values": np.where(calm > 0, 0.01, -0.01),
        "tiny": calm * 1e-9,
        "huge": calm * 50,
        "alternating": 0.01 * (-1.0) ** np.arange(260),
        "trend of a parabola": np.linspace(-0.05, 0.05, 260),
    }[name]


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        ("constant", "baseline"),
        ("constant growth", "baseline"),
        ("spike of 50 sigma in training", None),
        ("spike of 50 sigma among origins", "reference"),
        ("zero variance then jump", "baseline"),
        ("zero variance then jump among origins", "baseline"),
        ("mostly halted", "baseline"),
        ("two values", None),
        ("tiny", "reference"),
        ("huge", None),
        ("alternating", None),
        ("trend of a parabola", None),
    ],
)
def test_hostile_series_get_a_usable_forecast_with_a_reason(make, settings, grid, name, engine):
    panel = make.panel({"AAA": make.simulate(1, 260), "BAD": hostile(name, make)})
    last = make.windows(panel, 201).tail(1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecasts = compute_forecasts(panel, last, settings, grid=grid)
    assert not caught
    validate(FORECASTS.arrange(forecasts), FORECASTS, market="test", layer="forecasts", partition="p")
    bad = forecasts.filter(pl.col("symbol") == "BAD", pl.col("model") == "arma_garch")
    assert bad.height == forecasts.height // 4
    assert ((bad["engine"] == "baseline") == bad["fallback"].is_not_null()).all()
    assert engine is None or (bad["engine"] == engine).all()
    # The neighbour is as it is alone.
    neighbour = compute_forecasts(panel.filter(pl.col("symbol") == "AAA"), last, settings, grid=grid)
    assert forecasts.filter(pl.col("symbol") == "AAA").equals(neighbour)


def test_a_fallback_is_the_random_walk_with_a_reason(make, settings, grid):
    panel = make.panel({"BAD": hostile("mostly halted", make)})
    forecasts = compute_forecasts(panel, make.windows(panel, 201).tail(1), settings, grid=grid)
    numbers = ["session", "horizon", "mean_return", "volatility", "price", "price_lower_95", "price_upper_95"]
    model, walk = (forecasts.filter(pl.col("model") == name) for name in ("arma_garch", "random_walk"))
    assert model.select(numbers).equals(walk.select(numbers))
    assert model["fallback"].unique().to_list() == ["at least half of the training returns are the same number"]
    assert walk["fallback"].unique().to_list() == [None]


def test_a_peer_that_refuses_costs_the_model_and_not_the_batch(panel, windows, grid):
    odd = ForecastSettings(horizon=2, train_bars=200, min_train_bars=150, garch_order=(0, 1))
    forecasts = compute_forecasts(panel, windows.tail(1), odd, grid=grid).filter(pl.col("model") == "arma_garch")
    assert set(forecasts["symbol"]) == {"AAA", "BBB"}
    assert forecasts["fallback"].str.starts_with("fit failed: ValueError: ").all()


def test_ten_points_are_too_few_and_it_says_so(make, settings, grid):
    panel = make.panel({"TEN": make.simulate(1, 10), "AAA": make.simulate(2, 10)})
    run = fit_and_forecast(panel, make.windows(panel, 201).tail(1), settings, grid=grid)
    assert run.forecasts.is_empty()
    assert set(run.fits["fallback"]) == {
        "0 returns before 2015-01-01, 60 needed",
        "0 returns before 2015-01-01, 150 needed",
    }


def test_rows_without_a_usable_return_are_left_out(panel, windows, settings, grid):
    last = windows.tail(1)
    hole = last.item(0, "first_session")
    holed = panel.with_columns(
        log_return=pl.when(pl.col("session") == hole).then(float("nan")).otherwise(pl.col("log_return"))
    )
    forecasts = compute_forecasts(holed, last, settings, grid=grid)
    assert hole not in forecasts["session"].to_list()
    assert forecasts["mean_return"].is_finite().all()

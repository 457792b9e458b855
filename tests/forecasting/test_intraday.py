"""Minutes around the clock: forecasts, scores and signals name their bars, not their sessions."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from tradepipe.contracts import FORECAST_SCORES, FORECASTS, SIGNALS, validate
from tradepipe.forecasting import accuracy, compute_forecasts, score_forecasts, verdict
from tradepipe.forecasting.diebold_mariano import diebold_mariano
from tradepipe.markets import calendar_for
from tradepipe.settings.forecasts import ForecastSettings
from tradepipe.settings.models import StrategySettings
from tradepipe.signals import compute_signals

# Around 11 March 2018 New York's clocks change; a UTC day has 1,440 minutes all the same.
DAYS = [dt.date(2018, 3, day) for day in (10, 11, 12)]
BARS_A_DAY = 1440
SETTINGS = ForecastSettings(horizon=3, train_bars=300, min_train_bars=200)
STRATEGY = StrategySettings(horizon=3, allow_short=True)
MISSING = dt.datetime(2018, 3, 12, 7, 30, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def minutes():
    """The calendar's own bars of the three days, and of a fourth that the last forecasts reach into."""
    return calendar_for("24/7").grid(DAYS[0], DAYS[-1] + dt.timedelta(days=1), "1m")


@pytest.fixture(scope="module")
def panel(minutes, make):
    """Three days of two symbols, of which BBB lacks one minute of the last."""
    grid = minutes.filter(pl.col("session") <= DAYS[-1])
    frames = [
        grid.with_columns(
            symbol=pl.lit(symbol),
            close=pl.Series(100 * np.exp(np.cumsum(make.simulate(seed, grid.height) / 30))),
            known_at=pl.col("close_time") + dt.timedelta(seconds=2),
        )
        for seed, symbol in enumerate(("AAA", "BBB"), start=31)
    ]
    held = pl.concat(frames).filter((pl.col("symbol") == "AAA") | (pl.col("open_time") != MISSING))
    return held.with_columns(log_return=pl.col("close").log().diff().over("symbol", order_by="open_time"))


@pytest.fixture(scope="module")
def windows():
    """The second and third day, each with the day before to train on."""
    return pl.DataFrame(
        {
            "partition": [day.isoformat() for day in DAYS[1:]],
            "anchor_session": DAYS[:-1],
            "first_session": DAYS[1:],
            "last_session": DAYS[1:],
        }
    )


@pytest.fixture(scope="module")
def forecasts(panel, windows, minutes):
    return compute_forecasts(panel, windows, SETTINGS, grid=minutes)


@pytest.fixture(scope="module")
def scores(forecasts, panel, windows):
    return score_forecasts(forecasts, panel, windows)


def test_every_layer_keeps_its_contract(forecasts, scores):
    signals = compute_signals(forecasts, STRATEGY)
    for contract, frame in ((FORECASTS, forecasts), (FORECAST_SCORES, scores), (SIGNALS, signals)):
        parts = frame.partition_by("partition", as_dict=True)
        assert {partition for (partition,) in parts} == {day.isoformat() for day in DAYS[1:]}
        for (partition,), part in parts.items():
            # Not arranged: the functions' own order is the contract's.
            validate(part.drop("partition"), contract, market="test", layer=contract.name, partition=partition)
    origins = 2 * 2 * BARS_A_DAY - 1
    assert forecasts.height == origins * 2 * SETTINGS.horizon
    assert signals.height == origins
    assert (forecasts.filter(pl.col("model") == "arma_garch")["engine"] == "reference").all()
    assert signals["target_weight"].n_unique() > BARS_A_DAY


def test_the_target_is_the_horizons_bar_also_into_the_next_session(forecasts):
    ahead = forecasts["target_open_time"] - forecasts["open_time"]
    assert (ahead.dt.total_minutes() == forecasts["horizon"]).all()
    assert (forecasts["target_session"] == forecasts["target_open_time"].dt.date()).all()
    carried = forecasts.filter(pl.col("target_session") > pl.col("session"))
    # The last bar of a day aims into the next one with three horizons, the bars before it with two and one.
    assert carried.height == 2 * 2 * 2 * (3 + 2 + 1)


def test_each_forecast_meets_the_close_of_its_own_bar(scores, panel):
    closes = {(row["symbol"], row["open_time"]): row["close"] for row in panel.to_dicts()}
    for row in scores.sample(200, seed=1).to_dicts():
        came = closes[row["symbol"], row["target_open_time"]] / closes[row["symbol"], row["open_time"]]
        assert row["realised_return"] == pytest.approx(np.log(came), abs=1e-12)


def test_exactly_the_targets_that_came_are_scored_in_their_own_partition(forecasts, scores):
    came = forecasts.filter(
        pl.col("target_session") <= DAYS[-1],
        (pl.col("symbol") == "AAA") | (pl.col("target_open_time") != MISSING),
    ).drop("partition")
    key = list(FORECAST_SCORES.key)
    assert scores.select(key).sort(key).equals(came.select(key).sort(key))
    assert (scores["partition"] == scores["target_session"].cast(pl.String)).all()
    missed = forecasts.filter(pl.col("target_open_time") == MISSING, pl.col("symbol") == "BBB")
    assert missed.height == 2 * SETTINGS.horizon


def test_a_bar_that_comes_twice_is_refused(forecasts, panel, windows):
    with pytest.raises(ValueError, match="bars has 1 repeated symbol, open_time"):
        score_forecasts(forecasts, pl.concat([panel, panel.tail(1)]), windows)


def test_accuracy_judges_every_minute_in_time_order(scores):
    summary = accuracy(scores.sample(fraction=1, shuffle=True, seed=1))
    for row in summary.filter(pl.col("model") == "arma_garch").to_dicts():
        own = scores.filter(pl.col("symbol") == row["symbol"], pl.col("horizon") == row["horizon"])
        model, walk = (
            own.filter(pl.col("model") == name).sort("open_time")["squared_error"].to_numpy()
            for name in ("arma_garch", "random_walk")
        )
        assert row["forecasts"] == len(model) == len(walk) > 2 * BARS_A_DAY - 10
        assert row["rmse_ratio"] == pytest.approx(np.sqrt(model.mean() / walk.mean()))
        test = diebold_mariano(model - walk, row["horizon"])
        assert (row["dm_statistic"], row["dm_p_value"]) == pytest.approx((test.statistic, test.p_value))
    assert set(verdict(summary)) == {"AAA", "BBB"}


@pytest.mark.parametrize("later", ["gone", "ruined"])
def test_nothing_looks_ahead_within_a_session(forecasts, scores, panel, windows, minutes, later):
    full = (forecasts, scores, compute_signals(forecasts, STRATEGY))
    decided = ("open_time", "target_open_time", "decided_at")
    for place in np.random.default_rng(7).integers(5, BARS_A_DAY, 6):
        cut = panel.filter(pl.col("session") == DAYS[-1])["known_at"].unique().sort()[int(place)]
        unknown = pl.col("known_at") > cut
        if later == "gone":
            known = panel.filter(~unknown)
        else:
            known = panel.with_columns(
                close=pl.when(unknown).then(pl.col("close") * 7).otherwise("close"),
                log_return=pl.when(unknown).then(-20 * pl.col("log_return")).otherwise("log_return"),
            )
        made = compute_forecasts(known, windows, SETTINGS, grid=minutes)
        again = (made, score_forecasts(made, known, windows), compute_signals(made, STRATEGY))
        newest = panel.filter(~unknown)["open_time"].max()
        for whole, partial, column in zip(full, again, decided, strict=True):
            past = pl.col(column) <= (cut if column == "decided_at" else newest)
            assert partial.filter(past).equals(whole.filter(past))
            assert whole.filter(past, pl.col("partition") == DAYS[-1].isoformat()).height

"""Minutes around the clock: forecasts, scores and signals name their bars, not their sessions."""

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest

from tests.forecasting.refits.made import KeptFits
from tradepipe.contracts import FORECAST_SCORES, FORECASTS, SIGNALS, validate
from tradepipe.forecasting import accuracy, score_forecasts, verdict
from tradepipe.forecasting.ensemble import ensemble
from tradepipe.forecasting.evaluation.diebold_mariano import diebold_mariano
from tradepipe.forecasting.refits.schedule import RefitSchedule
from tradepipe.markets import calendar_for
from tradepipe.settings.forecasts import DriftSettings, EnsembleSettings, ForecastSettings
from tradepipe.settings.models import StrategySettings
from tradepipe.signals import compute_signals

# Around 11 March 2018 New York's clocks change; a UTC day has 1,440 minutes all the same.
DAYS = [dt.date(2018, 3, day) for day in (10, 11, 12)]
BARS_A_DAY = 1440
SETTINGS = ForecastSettings(
    horizon=3,
    train_bars=300,
    min_train_bars=250,
    members=("random_walk", "arma_garch"),
    ensemble=EnsembleSettings(origins=100, min_origins=60),
)
SCHEDULE = RefitSchedule("day", tuple(DAYS), several=True)
MODELS = 3
STRATEGY = StrategySettings(horizon=3, allow_short=True, model="arma_garch")
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
def run(panel, windows, minutes, make):
    return make.members(panel, windows, SETTINGS, schedule=SCHEDULE, grid=minutes)


@pytest.fixture(scope="module")
def forecasts(run, panel, windows, minutes):
    return ensemble(run.forecasts, panel, windows, SETTINGS, grid=minutes)


@pytest.fixture(scope="module")
def scores(forecasts, panel, windows):
    return scored(forecasts, panel, windows)


def scored(forecasts, panel, windows):
    return score_forecasts(forecasts, panel, windows, train_bars=SETTINGS.train_bars)


@pytest.mark.slow
def test_a_sessions_origins_use_the_fit_through_the_session_before(run):
    ahead = run.forecasts.select(pl.col("session") - pl.col("fitted_through")).to_series()
    assert ahead.unique().to_list() == [dt.timedelta(days=1)]
    assert run.fits.select("partition", "session").unique().height == 2
    assert set(run.fits["trigger"]) == {"first"}
    assert (run.forecasts["engine_arma_garch"] == "batched").all()


@pytest.mark.slow
def test_between_refits_each_minute_is_filtered(run, panel):
    """Parameters stand still, so the recursion of the variance can be followed from forecast to forecast."""
    first = run.forecasts.filter(symbol="AAA", horizon=1).sort("open_time").head(BARS_A_DAY)
    returns = panel.filter(symbol="AAA", session=DAYS[1])["log_return"].to_numpy()
    variance = first["volatility_random_walk"].to_numpy() ** 2
    np.testing.assert_allclose(variance[1:], 0.94 * variance[:-1] + 0.06 * returns[1:] ** 2, rtol=1e-10)
    fit = run.fits.filter(symbol="AAA", session=DAYS[0], model="arma_garch")["parameters"].item()
    told = json.loads(fit)
    errors = returns[1:] - first["mean_arma_garch"].to_numpy()[:-1]
    filtered = first["volatility_arma_garch"].to_numpy() ** 2
    squared = (told["alpha[1]"] + told["gamma[1]"] * (errors < 0)) * errors**2
    expected = told["omega"] + squared + told["beta[1]"] * filtered[:-1]
    np.testing.assert_allclose(filtered[1:], expected, rtol=1e-6)


@pytest.mark.slow
def test_sessions_of_a_week_share_what_was_fitted(panel, make):
    weekly = SETTINGS.model_copy(update={"refit": "week", "train_bars": 300})
    # Through Sunday the 11th: both Monday and Tuesday rest on it, and may see it.
    days = tuple(DAYS[0] + dt.timedelta(days=number) for number in range(-7, 30))
    schedule = RefitSchedule("week", days, several=True)
    tuesday = panel.filter(pl.col("session") == DAYS[-1]).with_columns(
        session=pl.lit(DAYS[-1] + dt.timedelta(days=1)),
        open_time=pl.col("open_time") + dt.timedelta(days=1),
        known_at=pl.col("known_at") + dt.timedelta(days=1),
    )
    grid = calendar_for("24/7").grid(DAYS[0], DAYS[-1] + dt.timedelta(days=2), "1m")
    far = pl.DataFrame(
        {
            "partition": ["2018-03-12", "2018-03-13"],
            "anchor_session": [DAYS[0]] * 2,
            "first_session": [DAYS[-1], DAYS[-1] + dt.timedelta(days=1)],
            "last_session": [DAYS[-1], DAYS[-1] + dt.timedelta(days=1)],
        }
    )
    kept = KeptFits()
    told = weekly.model_copy(update={"drift": DriftSettings(log_likelihood=0, coverage=0)})
    made = make.members(pl.concat([panel, tuesday]), far, told, schedule=schedule, grid=grid, cache=kept)
    assert (kept.put, kept.found) == (2, 2)
    assert made.fits["session"].unique().to_list() == [DAYS[1]]
    assert made.fits.drop("partition", "version").unique().height == 4
    assert (made.forecasts["fitted_through"] == DAYS[1]).all()


@pytest.mark.slow
def test_every_layer_keeps_its_contract(forecasts, scores):
    signals = compute_signals(forecasts, STRATEGY)
    for contract, frame in ((FORECASTS, forecasts), (FORECAST_SCORES, scores), (SIGNALS, signals)):
        parts = frame.partition_by("partition", as_dict=True)
        assert {partition for (partition,) in parts} == {day.isoformat() for day in DAYS[1:]}
        for (partition,), part in parts.items():
            # Not arranged: the functions' own order is the contract's.
            validate(part.drop("partition"), contract, market="test", layer=contract.name, partition=partition)
    origins = 2 * 2 * BARS_A_DAY - 1
    assert forecasts.height == origins * MODELS * SETTINGS.horizon
    assert signals.height == origins
    assert (forecasts.filter(pl.col("model") == "arma_garch")["engine"] == "batched").all()
    assert signals["target_weight"].n_unique() > BARS_A_DAY


@pytest.mark.slow
def test_the_target_is_the_horizons_bar_also_into_the_next_session(forecasts):
    ahead = forecasts["target_open_time"] - forecasts["open_time"]
    assert (ahead.dt.total_minutes() == forecasts["horizon"]).all()
    assert (forecasts["target_session"] == forecasts["target_open_time"].dt.date()).all()
    carried = forecasts.filter(pl.col("target_session") > pl.col("session"))
    # The last bar of a day aims into the next one with three horizons, the bars before it with two and one.
    assert carried.height == 2 * 2 * MODELS * (3 + 2 + 1)


def test_each_forecast_meets_the_close_of_its_own_bar(scores, panel):
    closes = {(row["symbol"], row["open_time"]): row["close"] for row in panel.to_dicts()}
    for row in scores.sample(200, seed=1).to_dicts():
        came = closes[row["symbol"], row["target_open_time"]] / closes[row["symbol"], row["open_time"]]
        assert row["realised_return"] == pytest.approx(np.log(came), abs=1e-12)


@pytest.mark.slow
def test_exactly_the_targets_that_came_are_scored_in_their_own_partition(forecasts, scores):
    came = forecasts.filter(
        pl.col("target_session") <= DAYS[-1],
        (pl.col("symbol") == "AAA") | (pl.col("target_open_time") != MISSING),
    ).drop("partition")
    key = list(FORECAST_SCORES.key)
    assert scores.select(key).sort(key).equals(came.select(key).sort(key))
    assert (scores["partition"] == scores["target_session"].cast(pl.String)).all()
    missed = forecasts.filter(pl.col("target_open_time") == MISSING, pl.col("symbol") == "BBB")
    assert missed.height == MODELS * SETTINGS.horizon


def test_a_bar_that_comes_twice_is_refused(forecasts, panel, windows):
    with pytest.raises(ValueError, match="bars has 1 repeated symbol, open_time"):
        scored(forecasts, pl.concat([panel, panel.tail(1)]), windows)


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
        assert (row["dm_statistic"], row["dm_p_value"]) == pytest.approx((test.statistic, test.p_value), rel=1e-4)
    assert set(verdict(summary)) == {"AAA", "BBB"}


@pytest.mark.slow
@pytest.mark.parametrize("later", ["gone", "ruined"])
def test_nothing_looks_ahead_within_a_session(forecasts, scores, panel, windows, minutes, make, later):
    full = (forecasts, scores, compute_signals(forecasts, STRATEGY))
    decided = ("open_time", "target_open_time", "decided_at")
    for place in np.random.default_rng(7).integers(5, BARS_A_DAY, 2):
        cut = panel.filter(pl.col("session") == DAYS[-1])["known_at"].unique().sort()[int(place)]
        unknown = pl.col("known_at") > cut
        if later == "gone":
            known = panel.filter(~unknown)
        else:
            known = panel.with_columns(
                close=pl.when(unknown).then(pl.col("close") * 7).otherwise("close"),
                log_return=pl.when(unknown).then(-20 * pl.col("log_return")).otherwise("log_return"),
            )
        members = make.members(known, windows, SETTINGS, schedule=SCHEDULE, grid=minutes).forecasts
        made = ensemble(members, known, windows, SETTINGS, grid=minutes)
        again = (made, scored(made, known, windows), compute_signals(made, STRATEGY))
        newest = panel.filter(~unknown)["open_time"].max()
        for whole, partial, column in zip(full, again, decided, strict=True):
            past = pl.col(column) <= (cut if column == "decided_at" else newest)
            assert partial.filter(past).equals(whole.filter(past))
            assert whole.filter(past, pl.col("partition") == DAYS[-1].isoformat()).height

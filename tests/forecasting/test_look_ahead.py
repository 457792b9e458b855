"""Nothing decided at a time may depend on what came later."""

import numpy as np
import polars as pl
import pytest

from tradepipe.forecasting import compute_forecasts, score_forecasts
from tradepipe.settings.forecasts import ForecastSettings
from tradepipe.settings.models import StrategySettings
from tradepipe.signals import compute_signals

CUTS = 50


@pytest.fixture(scope="module")
def world(make, grid):
    panel = make.panel({"AAA": make.simulate(5, 400)})
    settings = ForecastSettings(horizon=3, train_bars=100, min_train_bars=100)
    windows = make.windows(panel, 101)
    forecasts = compute_forecasts(panel, windows, settings, grid=grid)
    return {"panel": panel, "settings": settings, "windows": windows, "forecasts": forecasts}


def cut_times(panel):
    generator = np.random.default_rng(2024)
    times = panel["known_at"].unique().sort()[130:]
    micros = generator.integers(times.min().timestamp() * 1e6, times.max().timestamp() * 1e6, CUTS, dtype=np.int64)
    return pl.Series(micros).cast(pl.Datetime("us", "UTC")).to_list()


def ruined(panel, cut):
    """The same bars up to `cut`, and afterwards bars as unlike the true ones as can be."""
    later = pl.col("known_at") > cut
    return panel.with_columns(
        close=pl.when(later).then(pl.col("close") * 7).otherwise(pl.col("close")),
        log_return=pl.when(later).then(-20 * pl.col("log_return")).otherwise(pl.col("log_return")),
    )


@pytest.mark.slow
@pytest.mark.parametrize("later", ["gone", "ruined"])
def test_forecasts_scores_and_signals_do_not_look_ahead(world, grid, later):
    panel, settings, windows, full = world["panel"], world["settings"], world["windows"], world["forecasts"]
    strategy = StrategySettings(horizon=3, allow_short=True)
    scores, signals = score_forecasts(full, panel, windows), compute_signals(full, strategy)
    compared = {"forecasts": 0, "scores": 0, "signals": 0}
    for cut in cut_times(panel):
        known = panel.filter(pl.col("known_at") <= cut) if later == "gone" else ruined(panel, cut)
        last = panel.filter(pl.col("known_at") <= cut)["session"].max()
        # Partitions before these end before the cut and are computed from their own bars alone.
        near = windows.filter(pl.col("first_session") <= last).tail(2 if later == "gone" else 1)
        forecasts = compute_forecasts(known, near, settings, grid=grid)

        def wanted(frame, near=near, column="session", last=last):
            return frame.filter(pl.col("partition").is_in(near["partition"].to_list()), pl.col(column) <= last)

        expected = wanted(full)
        assert wanted(forecasts).equals(expected)
        again = score_forecasts(forecasts, known, near)
        # Origins before these partitions have no forecast here.
        reached = wanted(scores, column="target_session").filter(pl.col("session") >= near.item(0, "first_session"))
        assert wanted(again, column="target_session").equals(reached)
        decided = compute_signals(forecasts, strategy)
        assert wanted(decided).equals(wanted(signals))
        assert (wanted(decided)["decided_at"] <= cut).all()
        for name, frame in (("forecasts", expected), ("scores", reached), ("signals", wanted(decided))):
            compared[name] += frame.height
    assert min(compared.values()) > 5 * CUTS


def test_a_forecast_is_known_when_its_origin_is(world):
    origins = world["panel"].select("symbol", "session", origin_known_at="known_at")
    joined = world["forecasts"].join(origins, on=["symbol", "session"], how="left")
    assert (joined["known_at"] == joined["origin_known_at"]).all()

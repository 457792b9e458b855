"""Nothing decided at a time may depend on what came later."""

import numpy as np
import polars as pl
import pytest

from tests.forecasting.refits.made import KeptFits
from tradepipe.forecasting import score_forecasts
from tradepipe.forecasting.ensemble import ensemble
from tradepipe.settings.forecasts import DriftSettings, EnsembleSettings, ForecastSettings
from tradepipe.settings.models import StrategySettings
from tradepipe.signals import compute_signals

CUTS = 50
SETTINGS = ForecastSettings(
    horizon=3,
    train_bars=260,
    min_train_bars=255,
    refit="week",
    drift=DriftSettings(bars=5, log_likelihood=0.2, coverage=0.15),
    ensemble=EnsembleSettings(origins=30, min_origins=20),
)
STRATEGY = StrategySettings(horizon=3, allow_short=True, model="ensemble")


class World:
    """A market, and every layer from member forecasts to signals of any part of it."""

    def __init__(self, make, grid):
        self.panel = make.panel({"AAA": make.simulate(5, 380), "BBB": make.simulate(6, 380)})
        self.windows, self.grid, self.make = make.windows(self.panel, 300), grid, make
        self.kept = KeptFits()
        self.full = self.layers(self.panel, self.windows)

    def layers(self, panel, windows):
        run = self.make.members(panel, windows, SETTINGS, cache=self.kept)
        made = ensemble(run.forecasts, panel, windows, SETTINGS, grid=self.grid)
        scores = score_forecasts(made, panel, windows, train_bars=SETTINGS.train_bars)
        # A version is named after a whole partition, when it is over.
        return {"members": run.forecasts, "fits": run.fits.drop("version"), "forecasts": made, "scores": scores} | {
            "signals": compute_signals(made, STRATEGY)
        }


@pytest.fixture(scope="module")
def world(make, grid):
    return World(make, grid)


def cut_times(panel):
    """Times after which the members have enough bars, each as good as any other."""
    generator = np.random.default_rng(2024)
    times = panel["known_at"].unique().sort()[300:]
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
def test_no_layer_looks_ahead(world):
    compared = dict.fromkeys(world.full, 0)
    for number, cut in enumerate(cut_times(world.panel)):
        gone = world.panel.filter(pl.col("known_at") <= cut)
        known, last = (gone if number % 2 else ruined(world.panel, cut)), gone["session"].max()
        # Partitions before these end before the cut and are computed from their own bars alone.
        near = world.windows.filter(pl.col("first_session") <= last).tail(4)
        made = world.layers(known, near)
        for name, whole in world.full.items():
            column = "target_session" if name == "scores" else "session"
            # What is made from member forecasts looks back on those of the partitions before.
            mine = near if name in {"members", "fits"} else near.tail(1)
            wanted = pl.col("partition").is_in(mine["partition"].to_list()), pl.col(column) <= last
            expected = whole.filter(*wanted)
            assert made[name].filter(*wanted).equals(expected), (name, cut)
            compared[name] += expected.height
    assert min(compared.values()) > 5 * CUTS


@pytest.mark.slow
def test_drift_was_there_to_look_ahead(world):
    assert "drift" in world.full["fits"]["trigger"]


@pytest.mark.slow
def test_a_forecast_is_known_when_its_origin_is(world):
    origins = world.panel.select("symbol", "session", origin_known_at="known_at")
    for name in ("members", "forecasts"):
        joined = world.full[name].join(origins, on=["symbol", "session"], how="left")
        assert (joined["known_at"] == joined["origin_known_at"]).all()

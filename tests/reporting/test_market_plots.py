import datetime as dt

import polars as pl
import pytest

from tradepipe.forecasting.regimes import compute_regimes
from tradepipe.reporting import market_plots

PICTURE = "](data:image/png;base64,"


def shown(told, data, indicators, since):
    """All plots of a market as its assets show them: frames of a range of partitions, named in a column."""

    def own(frame):
        return frame.filter(pl.col("session") >= since).with_columns(partition=pl.col("session").dt.strftime("%Y-%m"))

    bars, positions = own(data.bars), own(data.positions)
    return {
        **market_plots.bars(told, bars),
        **market_plots.indicators(told, bars, own(indicators)),
        **market_plots.forecasts(told, bars, own(data.forecasts)),
        **market_plots.scores(told, own(data.scores)),
        **market_plots.positions(told, positions, bars),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "since", [dt.date(1999, 1, 1), dt.date(2018, 12, 1), dt.date(2018, 12, 31), dt.date(2030, 1, 1)]
)
def test_plots_of_any_range_are_small_pictures(data, market, indicators, since):
    plots = shown(market.settings, data, indicators, since)
    assert len(plots) == 6
    for plot in plots.values():
        assert PICTURE in plot
        assert len(plot) <= 60_000


@pytest.mark.slow
def test_plots_of_regimes_and_members_are_small(market, bars):
    states = compute_regimes(bars, window_of(bars), market.settings.forecasts.regimes)
    for frame in (states, states.tail(40), states.clear()):
        plot = market_plots.regimes(frame)["regimes"]
        assert PICTURE in plot
        assert len(plot) <= 60_000


def test_members_tell_who_fitted_them_and_why_another_engine_did():
    rows = [
        ("arma_garch", "batched", None, "schedule", 90),
        ("arma_garch", "baseline", "fewer than 500 returns", "first", 4),
        ("arma_garch", "reference", "exact | odd", "drift", 6),
        ("random_walk", "baseline", None, "first", 100),
    ]
    frame = pl.DataFrame(rows, schema=["model", "engine", "fallback", "trigger", "fits"], orient="row")
    lines = market_plots.members(frame)["members"].splitlines()
    assert lines[2].startswith("| arma_garch | 100 | batched 90.0 %, reference 6.0 %, baseline 4.0 % | 6 | 10.0 % |")
    assert lines[2].endswith("| exact / odd |")
    assert lines[3] == "| random_walk | 100 | baseline 100.0 % | 0 | 0.0 % |  |"


def test_active_versions_are_told_by_regime():
    told = market_plots.versions(
        [("calm up", "drift/2018-12/1"), ("calm up", "arma/2018-11/2"), ("wild flat", "x/1/3")]
    )
    assert told["active"].splitlines()[2:] == [
        "| calm up | drift/2018-12/1, arma/2018-11/2 |",
        "| wild flat | x/1/3 |",
    ]
    assert market_plots.versions([])["active"] == "No version is active."


def window_of(bars):
    first, last = bars["session"].min(), bars["session"].max()
    window = {"partition": ["all"], "anchor_session": [first], "first_session": [first], "last_session": [last]}
    return pl.DataFrame(window)

"""Chains of refits that a symbol is in with gaps, or whose returns reach beyond the partition's own window."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from tests.forecasting.refits.made import KeptFits
from tradepipe.forecasting.members import members_of
from tradepipe.forecasting.refits.bars import Bars
from tradepipe.forecasting.refits.fitting import Window
from tradepipe.forecasting.refits.keeping import look_up
from tradepipe.forecasting.refits.schedule import RefitSchedule
from tradepipe.settings.forecasts import DriftSettings, ForecastSettings

NEVER = DriftSettings(coverage=0, log_likelihood=0)


@pytest.fixture(scope="module")
def told():
    members = ("random_walk", "arma_garch")
    return ForecastSettings(horizon=2, train_bars=260, min_train_bars=255, members=members, drift=NEVER)


def test_a_symbol_that_missed_a_refit_is_the_same_whoever_is_fitted_beside_it(panel, windows, told, make):
    """It starts cold: what it was fitted to before must not depend on whether the others were fitted or restored."""
    last = windows.tail(2).head(1)
    missed = panel.filter(pl.col("session") >= last.item(0, "first_session"))["session"].unique().sort()[6]
    holes = panel.filter((pl.col("symbol") != "AAA") | (pl.col("session") != missed))
    whole = make.members(holes, last, told)
    alone = make.members(holes.filter(symbol="AAA"), last, told)
    assert alone.forecasts.equals(whole.forecasts.filter(symbol="AAA"))
    kept = KeptFits()
    make.members(holes.filter(symbol="BBB"), last, told, cache=kept)
    both = make.members(holes, last, told, cache=kept)
    assert kept.found == 1
    assert both.forecasts.equals(whole.forecasts)
    assert both.fits.equals(whole.fits)


def test_a_key_tells_which_refits_of_the_chain_a_symbol_missed(panel, told):
    rows = panel.filter(pl.col("log_return").is_not_null()).sort("symbol", "open_time")
    days = rows["session"].unique().sort().to_list()
    bars, member = Bars.of(rows, RefitSchedule("day", tuple(days))), members_of(told)[1]

    def window(refit, symbols):
        stops = bars.until(refit)[symbols]
        return Window(refit, refit, "schedule", np.array(symbols), stops - 255, stops)

    first, between, then = window(300, [0]), window(301, [1]), window(302, [0])
    keys = [
        look_up(KeptFits(), member, "auto", bars, chain).keys[0] for chain in ([first, then], [first, between, then])
    ]
    assert keys[0] != keys[1]


@pytest.mark.parametrize("every", ["day", "week", "month"])
def test_turns_go_on_by_one_a_refit_and_count_from_no_market_s_start(every, make):
    days = make.sessions(dt.date(2015, 1, 1), 700).to_list()
    schedule, later = RefitSchedule(every, tuple(days)), RefitSchedule(every, tuple(days[100:]))
    np.testing.assert_array_equal(schedule.turns[100:], later.turns)
    steps = np.diff(schedule.turns[schedule.refits])
    assert set(steps.tolist()) == ({1, 3} if every == "day" else {1})

"""Chains of refits that a symbol is in with gaps, or whose returns reach beyond the partition's own window."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from tests.forecasting.refits.made import KeptFits
from tradepipe.contracts import FITS, validate
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


def test_a_regressor_from_before_the_window_does_not_lengthen_it_in_a_range(panel, windows, told, make):
    """AAA has so few bars that all of the window are trained on; alone, its first one has no bar before it."""
    signal = pl.Series("signal", np.random.default_rng(3).normal(0, 1, panel.height))
    thin = (pl.col("symbol") == "AAA") & pl.col("session").is_in(panel["session"].unique().sort()[60:80].implode())
    holes = panel.with_columns(signal).filter(~thin)
    settings = told.model_copy(update={"exog": ("signal",), "refit": "month", "train_bars": 1000})
    whole = make.members(holes, windows.tail(2), settings)
    (key, anchor), last = windows.tail(1).row(0)[:2], windows.tail(1)
    alone = make.members(holes.filter(pl.col("session") >= anchor), last, settings)
    assert alone.fits.equals(whole.fits.filter(partition=key))
    assert alone.forecasts.equals(whole.forecasts.filter(partition=key))


@pytest.mark.parametrize(("gone", "back"), [(400, 3), (25, 3)], ids=["lists", "returns"])
def test_who_lists_or_returns_between_refits_is_forecast_without_waiting_for_the_next(
    panel, windows, told, make, gone, back
):
    last, days = windows.tail(2).head(1), panel["session"].unique().sort()
    first = days.index_of(last.item(0, "first_session"))
    absent = pl.col("session").is_in(days[max(first - gone, 0) : first + back].implode())
    holes = panel.filter((pl.col("symbol") != "AAA") | ~absent)
    made = make.members(holes, last, told.model_copy(update={"refit": "month"}))
    fits = made.fits.drop("partition")
    validate(fits, FITS, market="test", layer="fits", partition="one")
    mine = made.forecasts.filter(symbol="AAA", horizon=1)
    begins = back if gone == 25 else back + 9  # with the tenth return
    assert mine["session"].to_list() == days[first + begins : first + 23].to_list()
    waits = mine["fallback_arma_garch"].unique().to_list()
    due = None  # the month's last session is the next refit
    few, late = "fewer than 255 returns", "waits for a refit since it had 255 returns, or came back"
    assert set(waits) == ({few} if gone == 400 else {late, due})
    # Where a refit was in time, nothing changed.
    other = make.members(panel, last, told.model_copy(update={"refit": "month"}))
    assert made.forecasts.filter(symbol="BBB").equals(other.forecasts.filter(symbol="BBB"))


def test_the_first_month_of_a_market_has_forecasts_before_its_first_refit(panel, windows, told, make):
    made = make.members(panel, windows.head(1), told.model_copy(update={"refit": "month"}))
    assert made.forecasts["session"].min() == panel["session"].unique().sort()[10]
    assert (made.forecasts["fitted_through"] <= made.forecasts["session"]).all()

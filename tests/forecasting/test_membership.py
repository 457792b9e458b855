"""A symbol that joins the universe later changes nothing that was forecast before, whatever came of it."""

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.forecasting.ensemble.made import MEMBERS, START, world
from tradepipe.settings.forecasts import ForecastSettings

SETTINGS = ForecastSettings(horizon=2, train_bars=260, min_train_bars=255, members=("random_walk", "samossa"))
NO_MEMBER = "no member of the universe"


@pytest.fixture(scope="module", params=["day", "week"])
def joined(request, make):
    """Three symbols of which CCC joins, with and without it: the day, and member forecasts from some days before."""
    panel = make.panel({symbol: make.simulate(seed, 300) for seed, symbol in enumerate(("AAA", "BBB", "CCC"))})
    windows = make.windows(panel, 300).tail(2)
    day = windows["first_session"][-1] + dt.timedelta(days=7)
    panel = panel.with_columns(is_member=(pl.col("symbol") != "CCC") | (pl.col("session") >= day))
    told = SETTINGS.model_copy(update={"refit": request.param})
    frames = (panel, panel.filter(pl.col("symbol") != "CCC"))
    return day, *(make.members(frame, windows, told).forecasts for frame in frames)


@pytest.mark.slow
def test_members_are_fitted_to_members_alone(joined):
    day, among, without = joined
    mine = among.filter(pl.col("symbol") != "CCC")
    before = pl.col("session") < day
    assert mine.filter(before).equals(without.filter(before))
    changed = mine.filter(mine["mean_samossa"] != without["mean_samossa"])["session"]
    assert day <= changed.min() <= day + dt.timedelta(days=7)
    assert changed.max() == among["session"].max()


def test_the_random_walk_stands_in_for_who_is_no_member(joined):
    day, among, _ = joined
    theirs = among.filter(symbol="CCC")
    before = theirs.filter(pl.col("session") < day)
    assert before["fallback_samossa"].unique().to_list() == [NO_MEMBER]
    assert before["mean_samossa"].equals(before["mean_random_walk"])
    assert theirs.filter(pl.col("session") > day + dt.timedelta(days=7))["fallback_samossa"].null_count() > 0


def dated(*, hours_before=0):
    """A skilled world; S05 is a member from the hundredth day on, wild before, and known some hours before others."""
    told, theirs = world(6, 160, seed=2, skill=0.2), pl.col("symbol") == "S05"
    day = START + dt.timedelta(days=100)
    known = pl.col("known_at") - pl.when(theirs).then(hours_before).otherwise(0) * dt.timedelta(hours=1)
    wild = pl.when(theirs & (pl.col("session") < day)).then(0.5).otherwise("mean_arma_garch")
    members = told.members.with_columns(known_at=known, mean_arma_garch=wild)
    return day, replace(
        told, members=members, bars=told.bars.with_columns(known_at=known, is_member=~theirs | late(day))
    )


def late(day):
    return pl.col("session") >= day


@pytest.mark.slow
@pytest.mark.parametrize("hours_before", [0, 1])
def test_weights_and_widths_look_at_members_alone(hours_before):
    day, told = dated(hours_before=hours_before)
    made, without = told.forecasts(), told.without(pl.col("symbol") == "S05").forecasts()
    mine = made.filter(pl.col("symbol") != "S05")
    assert mine.filter(~late(day)).equals(without.filter(~late(day)), null_equal=True)
    assert mine.filter(~late(day), model="arma_garch")["weight"].max() > 0.2
    # What came of its first forecast as a member is known a bar later; that it speaks first, at once.
    differ = mine["price_upper_80"] != without["price_upper_80"]
    assert mine.filter(differ)["session"].min() == day + dt.timedelta(days=0 if hours_before else 1)


def test_who_is_no_member_is_told_what_members_are():
    day, told = dated()
    rows = told.forecasts().filter(pl.col("session") == day - dt.timedelta(days=1), horizon=1)
    for name in MEMBERS:
        assert rows.filter(model=name)["weight"].n_unique() == 1
    half = (pl.col("price_upper_80") / pl.col("price")).log() / pl.col("volatility")
    np.testing.assert_allclose(rows.filter(model="ensemble").select(half).to_series().std(), 0, atol=1e-12)


def test_nobody_is_told_what_members_bars_say_before_they_are_known():
    day, told = dated(hours_before=1)
    made = told.forecasts()
    theirs = made.filter(~late(day), symbol="S05")
    assert set(theirs["interval"]) == {"law"}
    mixed = theirs.filter(model="ensemble")
    assert mixed["fallback"].unique().to_list() == [
        "no member of the universe, and known before members are: the random walk stands alone"
    ]
    walk = theirs.filter(model="random_walk")
    assert set(walk["weight"]) == {1.0}
    assert mixed.select("price", "price_lower_95", "volatility").equals(
        walk.select("price", "price_lower_95", "volatility")
    )
    # Half an hour later S05 has spoken, the members have not.
    cut = dt.datetime.combine(day - dt.timedelta(days=5), dt.time(20, 30), dt.UTC)
    past = pl.col("known_at") <= cut
    then = replace(told, members=told.members.filter(past), bars=told.bars.filter(past)).forecasts()
    assert then.filter(pl.col("session") == cut.date())["symbol"].unique().to_list() == ["S05"]
    assert then.equals(made.filter(past), null_equal=True)

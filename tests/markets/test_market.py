import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.markets.building import build_market
from tradepipe.markets import load_markets
from tradepipe.settings.models import Settings


def test_daily_bars_look_back_as_many_sessions(market):
    assert market().lookback_sessions(50) == 50
    assert market().lookback_sessions(0) == 0


def test_around_the_clock_holds_1440_minutes_a_session(market):
    always = market(calendar="24/7", interval="1m")
    assert [always.lookback_sessions(bars) for bars in (0, 1, 1440, 1441, 14_400)] == [0, 1, 1, 2, 10]


def test_half_days_are_reckoned_with(market):
    minutes = market(interval="1m")  # 390 a day, 210 on a half day
    assert minutes.lookback_sessions(210) == 1
    assert minutes.lookback_sessions(211) == 2
    assert minutes.lookback_sessions(390) == 2
    assert minutes.lookback_sessions(600) == 2  # no two half days follow each other
    assert minutes.lookback_sessions(601) == 3


def test_a_market_too_short_to_hold_the_bars_asks_for_more_than_it_has(market):
    short = market(interval="1h", start=dt.date(2018, 12, 21), end=dt.date(2018, 12, 26))  # 7, 4 and 7 bars
    assert short.lookback_sessions(18) == 3
    assert short.lookback_sessions(19) == 5


@given(st.integers(1, 5000), st.sampled_from(["1m", "15m", "4h"]))
def test_any_run_of_that_many_sessions_is_enough_and_no_fewer_are(bars, interval):
    market = build_market(interval=interval, partition="session", start=dt.date(2017, 1, 1))
    counts = market.calendar.bar_counts(dt.date(2017, 1, 1), dt.date(2018, 12, 31), interval)["bars"].to_list()
    if sum(counts) < bars:
        return

    def least(run):
        return min(sum(counts[i : i + run]) for i in range(len(counts) - run + 1))

    sessions = market.lookback_sessions(bars)
    assert least(min(sessions, len(counts))) >= bars or sessions > len(counts)
    assert any(sum(counts[i : i + sessions - 1]) < bars for i in range(len(counts) - sessions + 2))


def test_markets_are_built_from_settings_without_reading_anything(tmp_path, market):
    settings = Settings(
        home=tmp_path,
        markets={"here": market(calendar="NOPE", universe="nowhere").settings, "there": market(name="there").settings},
    )
    markets = load_markets(settings)
    assert list(markets) == ["here", "there"]
    assert markets["there"].name == "there"
    with pytest.raises(ValueError, match="NOPE"):
        markets["here"].calendar.check()
    with pytest.raises(ValueError, match="nowhere"):
        _ = markets["here"].universe

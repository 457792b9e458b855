"""Until when an entry is fresh: a table over open, closed, half day, holiday, weekend and DST days."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.markets.building import MINUTES, build_market
from tradepipe.cache import Freshness, next_bar_known

DELAY = dt.timedelta(minutes=30)
NEW_YORK = build_market(calendar="XNYS", end=None, publication_delay=DELAY)
LONDON = build_market(calendar="XLON", end=None, publication_delay=DELAY)
COINS = build_market(**MINUTES, end=None, publication_delay=dt.timedelta(seconds=2))
COIN_DAYS = build_market(calendar="24/7", end=None, publication_delay=dt.timedelta(0))
HOURS = build_market(calendar="XNYS", interval="1h", partition="session", end=None, publication_delay=dt.timedelta(0))
TOKYO = build_market(calendar="XTKS", interval="1h", partition="session", end=None, publication_delay=dt.timedelta(0))

TABLE = [
    # market, now, the next bar can be known at (all UTC)
    pytest.param(NEW_YORK, "2024-06-12 15:00", "2024-06-12 20:30", id="XNYS open"),
    pytest.param(NEW_YORK, "2024-06-12 20:15", "2024-06-12 20:30", id="XNYS closed, not yet published"),
    pytest.param(NEW_YORK, "2024-06-12 20:30", "2024-06-13 20:30", id="XNYS closed, published"),
    pytest.param(NEW_YORK, "2024-06-14 21:00", "2024-06-17 20:30", id="XNYS weekend ahead"),
    pytest.param(NEW_YORK, "2024-06-16 12:00", "2024-06-17 20:30", id="XNYS Sunday"),
    pytest.param(NEW_YORK, "2024-06-18 21:00", "2024-06-20 20:30", id="XNYS Juneteenth"),
    pytest.param(NEW_YORK, "2024-07-03 15:00", "2024-07-03 17:30", id="XNYS half day"),
    pytest.param(NEW_YORK, "2024-07-03 17:30", "2024-07-05 20:30", id="XNYS after a half day, holiday ahead"),
    pytest.param(NEW_YORK, "2024-03-08 21:45", "2024-03-11 20:30", id="XNYS over the change to summer time"),
    pytest.param(NEW_YORK, "2024-03-08 21:15", "2024-03-08 21:30", id="XNYS last winter day"),
    pytest.param(NEW_YORK, "2024-11-01 20:45", "2024-11-04 21:30", id="XNYS over the change to winter time"),
    pytest.param(NEW_YORK, "2001-09-10 21:00", "2001-09-17 20:30", id="XNYS closed for four sessions"),
    pytest.param(LONDON, "2024-06-12 10:00", "2024-06-12 16:00", id="XLON open"),
    pytest.param(LONDON, "2024-06-12 16:00", "2024-06-13 16:00", id="XLON closed"),
    pytest.param(LONDON, "2024-03-28 17:00", "2024-04-02 16:00", id="XLON Easter, and over the change of time"),
    pytest.param(LONDON, "2024-03-28 16:59", "2024-03-28 17:00", id="XLON last winter day"),
    pytest.param(LONDON, "2024-12-24 11:00", "2024-12-24 13:00", id="XLON half day"),
    pytest.param(LONDON, "2024-12-24 13:00", "2024-12-27 17:00", id="XLON Christmas"),
    pytest.param(COINS, "2024-06-12 10:00:00", "2024-06-12 10:00:02", id="24/7 a bar closed, not yet published"),
    pytest.param(COINS, "2024-06-12 10:00:02", "2024-06-12 10:01:02", id="24/7 published"),
    pytest.param(COINS, "2024-06-15 23:59:59", "2024-06-16 00:00:02", id="24/7 weekend, over midnight"),
    pytest.param(COINS, "2024-12-25 00:00:01", "2024-12-25 00:00:02", id="24/7 Christmas"),
    pytest.param(COIN_DAYS, "2024-03-10 12:00", "2024-03-11 00:00", id="24/7 days know no summer time"),
    pytest.param(HOURS, "2024-06-12 13:30", "2024-06-12 14:30", id="XNYS hours, open"),
    pytest.param(HOURS, "2024-06-12 19:40", "2024-06-12 20:00", id="XNYS hours, the last is half an hour"),
    pytest.param(HOURS, "2024-06-12 20:00", "2024-06-13 14:30", id="XNYS hours, closed"),
    pytest.param(HOURS, "2024-07-03 16:45", "2024-07-03 17:00", id="XNYS hours, half day"),
    pytest.param(TOKYO, "2024-06-12 02:10", "2024-06-12 02:30", id="XTKS before lunch"),
    pytest.param(TOKYO, "2024-06-12 02:30", "2024-06-12 04:30", id="XTKS lunch"),
    pytest.param(TOKYO, "2024-06-11 23:00", "2024-06-12 01:00", id="XTKS opens on another UTC date"),
]


def utc(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(("market", "now", "expected"), TABLE)
def test_the_next_bar_can_be_known_at(market, now, expected):
    assert next_bar_known(market, utc(now)) == utc(expected)
    assert Freshness(market).until(utc(now)) == utc(expected)


def test_a_market_that_has_ended_expects_nothing():
    market = build_market(end=dt.date(2018, 12, 31), publication_delay=DELAY)
    assert next_bar_known(market, utc("2018-12-31 21:29")) == utc("2018-12-31 21:30")
    assert next_bar_known(market, utc("2018-12-31 21:30")) is None
    assert next_bar_known(market, utc("2030-01-01 00:00")) is None


def test_a_market_that_has_not_begun_waits_for_its_first_bar():
    market = build_market(start=dt.date(2024, 6, 15), end=None, publication_delay=DELAY)
    assert next_bar_known(market, utc("2020-01-01 00:00")) == utc("2024-06-17 20:30")


def test_the_end_of_the_calendar_is_no_error():
    _, last = COIN_DAYS.calendar.known
    assert next_bar_known(COIN_DAYS, dt.datetime.combine(last, dt.time(), dt.UTC) + dt.timedelta(days=5)) is None
    assert next_bar_known(NEW_YORK, utc("2049-12-31 21:30")) is None
    assert next_bar_known(NEW_YORK, utc("2060-01-01 00:00")) is None


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.sampled_from([NEW_YORK, LONDON, COINS, HOURS, TOKYO]),
    st.timedeltas(dt.timedelta(0), dt.timedelta(days=4000)),
    st.lists(st.timedeltas(dt.timedelta(hours=-60), dt.timedelta(days=3)), max_size=6),
)
def test_no_bar_becomes_known_while_an_entry_is_fresh(market, start, steps):
    """The answer, remembered or not, is the least known_at of the grid that lies ahead."""
    memory = Freshness(market)
    now = utc("2015-01-01 00:00") + start
    for step in [dt.timedelta(0), *steps]:
        now += step
        grid = market.calendar.grid(
            now.date() - dt.timedelta(days=3), now.date() + dt.timedelta(days=16), market.settings.interval
        )
        known = grid["close_time"] + market.settings.publication_delay
        assert memory.until(now) == next_bar_known(market, now) == known.filter(known > now).min()

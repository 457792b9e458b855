import datetime as dt
import pickle
import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.markets import (
    CalendarError,
    CalendarRangeError,
    NoSessionError,
    UnknownCalendarError,
    calendar_for,
)

DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2030, 12, 31))
INTERVALS = ["1m", "5m", "15m", "1h", "4h", "1d"]


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.mark.parametrize("day", [dt.date(2018, 12, 24), dt.date(2018, 7, 3)])
def test_known_half_days_close_at_one(xnys, day):
    row = xnys.bounds(day, day).row(0, named=True)
    assert row["is_half_day"]
    zone = dt.timezone(dt.timedelta(hours=-5 if day.month == 12 else -4))
    assert row["open_time"].astimezone(zone).time() == dt.time(9, 30)
    assert row["close_time"].astimezone(zone).time() == dt.time(13, 0)


def test_ordinary_day_is_no_half_day(xnys):
    row = xnys.bounds(dt.date(2018, 12, 26), dt.date(2018, 12, 26)).row(0, named=True)
    assert not row["is_half_day"]
    assert (row["open_time"], row["close_time"]) == (utc(2018, 12, 26, 14, 30), utc(2018, 12, 26, 21))


def test_day_of_mourning_and_september_2001_are_closed(xnys):
    assert xnys.sessions(dt.date(2018, 12, 4), dt.date(2018, 12, 6)) == [dt.date(2018, 12, 4), dt.date(2018, 12, 6)]
    assert xnys.sessions(dt.date(2001, 9, 10), dt.date(2001, 9, 17)) == [dt.date(2001, 9, 10), dt.date(2001, 9, 17)]
    assert set(xnys.non_sessions(dt.date(2001, 9, 10), dt.date(2001, 9, 17))) == {
        dt.date(2001, 9, day) for day in range(11, 17)
    }


def test_daylight_saving_moves_the_utc_open(xnys):
    opens = dict(xnys.bounds(dt.date(2018, 3, 1), dt.date(2018, 11, 30)).select("session", "open_time").iter_rows())
    assert opens[dt.date(2018, 3, 9)].hour == 14
    assert opens[dt.date(2018, 3, 12)].hour == 13
    assert opens[dt.date(2018, 11, 2)].hour == 13
    assert opens[dt.date(2018, 11, 5)].hour == 14
    assert xnys.timezone == "America/New_York"


@pytest.mark.parametrize("day", [dt.date(2018, 3, 11), dt.date(2018, 11, 4), dt.date(2018, 3, 25)])
def test_around_the_clock_has_1440_minutes_on_days_when_clocks_change(day):
    grid = calendar_for("24/7").grid(day, day, "1m")
    assert grid.height == 1440
    assert grid["open_time"][0] == dt.datetime.combine(day, dt.time(), dt.UTC)
    assert grid["close_time"][-1] - grid["open_time"][0] == dt.timedelta(days=1)
    assert (grid["open_time"].diff().drop_nulls() == dt.timedelta(minutes=1)).all()


def test_lunch_break_has_no_bars():
    day = dt.date(2018, 12, 21)
    tokyo = calendar_for("XTKS").grid(day, day, "1h")
    assert [stamp.strftime("%H:%M") for stamp in tokyo["open_time"]] == [
        "00:00",
        "01:00",
        "02:00",
        "03:30",
        "04:30",
        "05:30",
    ]
    assert tokyo["close_time"][2] == utc(2018, 12, 21, 2, 30)


def test_last_bar_of_a_session_ends_with_it(xnys):
    day = dt.date(2018, 12, 24)
    grid = xnys.grid(day, day, "1h")
    assert grid.height == 4
    assert grid["close_time"][-1] == utc(2018, 12, 24, 18)


def test_session_may_open_on_the_utc_day_before():
    day = dt.date(2018, 1, 3)
    bounds = calendar_for("CMES").bounds(day, day)
    assert bounds["open_time"].item() == utc(2018, 1, 2, 23)
    assert bounds["session"].item() == day


@given(DAYS, DAYS)
def test_days_are_sessions_or_not(first, second):
    xnys, start, end = calendar_for("XNYS"), min(first, second), max(first, second)
    sessions, others = xnys.sessions(start, end), xnys.non_sessions(start, end)
    assert sorted([*sessions, *others]) == [start + dt.timedelta(days=n) for n in range((end - start).days + 1)]
    assert xnys.bounds(start, end)["session"].to_list() == sessions


@given(DAYS, st.integers(0, 40), st.sampled_from(INTERVALS), st.sampled_from(["XNYS", "XHKG", "CMES", "24/7"]))
def test_grid_fills_the_sessions_without_overlap(start, days, interval, code):
    calendar, end = calendar_for(code), start + dt.timedelta(days=days)
    grid, bounds = calendar.grid(start, end, interval), calendar.bounds(start, end)
    assert (grid["close_time"] > grid["open_time"]).all()
    assert (grid["open_time"].slice(1) >= grid["close_time"].head(max(grid.height - 1, 0))).all()
    outer = grid.group_by("session").agg(pl.min("open_time"), pl.max("close_time")).sort("session")
    assert outer.equals(bounds.select("session", "open_time", "close_time"))
    counts = grid.group_by("session").agg(bars=pl.len().cast(pl.Int64)).sort("session")
    assert counts.equals(calendar.bar_counts(start, end, interval))


@given(DAYS, st.integers(0, 20), st.sampled_from(INTERVALS), st.sampled_from(["XNYS", "XHKG", "CMES", "24/7"]))
def test_bars_at_finds_the_grid_and_nothing_else(start, days, interval, code):
    calendar, end = calendar_for(code), start + dt.timedelta(days=days)
    grid = calendar.grid(start, end, interval)
    found = calendar.bars_at(grid["open_time"].reverse(), start, end, interval)
    assert found.reverse().equals(grid.select("session", "close_time"))
    off = calendar.bars_at(grid["open_time"] + dt.timedelta(seconds=30), start, end, interval)
    assert off.null_count().row(0) == (grid.height, grid.height)


def test_bars_at_knows_no_bars_between_sessions(xnys):
    day, asked = dt.date(2018, 12, 24), [utc(2018, 12, 24, 18), None, utc(1990, 1, 1), utc(2018, 12, 24, 17, 59)]
    found = xnys.bars_at(pl.Series(asked, dtype=pl.Datetime("us", "UTC")), day, day, "1m")
    assert found["session"].to_list() == [None, None, None, day]
    assert found["close_time"].to_list() == [None, None, None, utc(2018, 12, 24, 18)]


@given(DAYS, st.integers(-2000, 2000))
def test_offset_walks_sessions(day, n):
    xnys = calendar_for("XNYS")
    session = xnys.sessions(day, day + dt.timedelta(days=10))[0]
    there = xnys.offset(session, n)
    assert len(xnys.sessions(min(session, there), max(session, there))) == abs(n) + 1
    assert xnys.offset(there, -n) == session


def test_empty_range_has_no_sessions(xnys):
    assert xnys.sessions(dt.date(2018, 1, 5), dt.date(2018, 1, 2)) == []
    assert xnys.grid(dt.date(2018, 1, 6), dt.date(2018, 1, 7), "5m").is_empty()
    assert xnys.bounds(dt.date(2018, 1, 5), dt.date(2018, 1, 2)).is_empty()


def test_unknown_code_is_refused_with_near_matches():
    with pytest.raises(UnknownCalendarError, match=r"key `calendar`.*'XNYX'.*did you mean XNYS"):
        calendar_for("XNYX").check()


def test_errors_say_what_is_known(xnys):
    with pytest.raises(NoSessionError, match="2018-12-05 is no session of calendar XNYS"):
        xnys.offset(dt.date(2018, 12, 5), 1)
    with pytest.raises(CalendarRangeError, match="1970-01-01 to 2049-12-31"):
        xnys.sessions(dt.date(1960, 1, 1), dt.date(1999, 1, 1))
    with pytest.raises(CalendarRangeError, match="outside calendar XNYS"):
        xnys.offset(dt.date(2018, 12, 4), 100_000)
    with pytest.raises(CalendarError, match="expected one of 1m, 5m, 15m, 1h, 4h, 1d"):
        xnys.grid(dt.date(2018, 1, 2), dt.date(2018, 1, 2), "2h")


def test_calendars_are_cached_and_travel_between_processes(xnys):
    assert calendar_for("XNYS") is xnys
    assert pickle.loads(pickle.dumps(xnys)) is xnys  # noqa: S301 - our own bytes


@pytest.mark.slow
def test_importing_and_building_markets_imports_no_calendar_library():
    code = (
        "import sys, tradepipe.markets as m; m.calendar_for('XNYS'); m.calendar_for('24/7').timezone; "
        "print([name for name in ('pandas', 'exchange_calendars', 'pandera') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"

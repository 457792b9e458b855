import datetime as dt
import itertools

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.markets import NoSessionError, PartitionKeyError, PartitionScheme, calendar_for

START, END = dt.date(1999, 1, 1), dt.date(2018, 12, 31)
DAYS = st.dates(START, END)


@st.composite
def schemes(draw):
    first, second = sorted([draw(DAYS), draw(DAYS)])
    code = draw(st.sampled_from(["XNYS", "24/7", "XTKS"]))
    return PartitionScheme(draw(st.sampled_from(["month", "session"])), calendar_for(code), first, second)


def test_month_keys_of_the_demo_market(months):
    keys = months.keys("1990-01", "2030-01")
    assert len(keys) == 240
    assert (keys[0], keys[-1]) == ("1999-01", "2018-12")
    assert months.sessions_of("2001-09")[4:6] == [dt.date(2001, 9, 10), dt.date(2001, 9, 17)]


def test_session_keys_leave_out_non_sessions(xnys):
    scheme = PartitionScheme("session", xnys, dt.date(2018, 1, 1))
    assert scheme.keys("2018-12-21", dt.date(2018, 12, 27)) == ["2018-12-21", "2018-12-24", "2018-12-26", "2018-12-27"]
    assert "2018-12-05" not in scheme.keys("2018-12", "2018-12")
    with pytest.raises(PartitionKeyError, match=r"2018-12-05.*no session"):
        scheme.sessions_of("2018-12-05")


def test_without_an_end_keys_go_to_the_last_session_given(xnys):
    scheme = PartitionScheme("month", xnys, dt.date(2018, 11, 15))
    assert scheme.keys("2018-01", dt.date(2019, 2, 1)) == ["2018-11", "2018-12", "2019-01", "2019-02"]
    assert scheme.sessions_of("2018-11")[0] == dt.date(2018, 11, 15)


def test_windows_reach_back_over_the_holiday_and_stop_at_the_start(months):
    rows = months.windows(["2001-09", "1999-02", "1999-01"], 30).rows(named=True)
    assert [row["partition"] for row in rows] == ["1999-01", "1999-02", "2001-09"]
    assert rows[0]["anchor_session"] == rows[0]["first_session"] == dt.date(1999, 1, 4)
    assert rows[1]["anchor_session"] == dt.date(1999, 1, 4)  # only 19 sessions lie before February
    assert rows[2]["anchor_session"] == dt.date(2001, 7, 23)
    assert rows[2]["last_session"] == dt.date(2001, 9, 28)


def test_lookback_keys_include_the_anchors_and_the_own(months):
    assert months.lookback_keys("1999-02", 500) == ["1999-01", "1999-02"]
    assert months.lookback_keys("2018-12", 0) == ["2018-12"]
    assert months.lookback_keys("2018-12", 21) == ["2018-11", "2018-12"]  # November has 21 sessions
    assert months.lookback_keys("2018-12", 22) == ["2018-10", "2018-11", "2018-12"]


def test_span_does_not_depend_on_order(months):
    assert months.span(["2018-12", "2018-10"]) == (dt.date(2018, 10, 1), dt.date(2018, 12, 31))


@pytest.mark.parametrize("key", ["2018-13", "2018-1", "2018", "2018-12-31", "2019-01", "1998-12", "", "2018-12\n"])
def test_keys_that_are_none_are_refused(months, key):
    with pytest.raises(PartitionKeyError, match=r"2018-12|1999-01-01 and 2018-12-31"):
        months.sessions_of(key)
    with pytest.raises(PartitionKeyError):
        months.windows([key], 0)


def test_other_refusals(months):
    with pytest.raises(PartitionKeyError, match="at least one"):
        months.span([])
    with pytest.raises(ValueError, match="lookback is -1"):
        months.windows(["2018-12"], -1)
    with pytest.raises(NoSessionError, match="no session of calendar XNYS"):
        months.key_of(dt.date(2018, 12, 5))
    with pytest.raises(NoSessionError, match="outside the market's sessions"):
        months.key_of(dt.date(2019, 1, 2))
    with pytest.raises(PartitionKeyError, match="no partition key nor date"):
        months.keys("soon", "2018-12")
    assert months.windows([], 3).columns == ["partition", "anchor_session", "first_session", "last_session"]


@given(schemes())
def test_every_session_is_in_exactly_one_partition(scheme):
    sessions = scheme.calendar.sessions(scheme.start, scheme.end)
    keys = scheme.keys(scheme.start, scheme.end)
    assert keys == sorted(set(keys))
    assert list(itertools.chain.from_iterable(scheme.sessions_of(key) for key in keys)) == sessions
    assert {scheme.key_of(session) for session in sessions} == set(keys)
    by_expression = pl.DataFrame({"session": sessions}, schema={"session": pl.Date}).select(scheme.key_expr())
    assert by_expression.to_series().to_list() == [scheme.key_of(session) for session in sessions]


@pytest.mark.slow
@given(schemes(), st.integers(0, 300))
def test_windows_are_monotone_and_hold_their_lookback(scheme, lookback):
    keys = scheme.keys(scheme.start, scheme.end)[-40:]
    windows = scheme.windows(keys, lookback)
    assert windows["partition"].to_list() == keys
    for name in ("anchor_session", "first_session", "last_session"):
        assert windows[name].is_sorted()
    for partition, anchor, first, last in windows.rows():
        assert scheme.sessions_of(partition)[0] == first
        assert scheme.sessions_of(partition)[-1] == last
        before = len(scheme.calendar.sessions(anchor, first)) - 1
        assert before == min(lookback, len(scheme.calendar.sessions(scheme.start, first)) - 1)
        assert scheme.windows([partition], lookback).row(0) == (partition, anchor, first, last)

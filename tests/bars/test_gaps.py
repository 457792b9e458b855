"""The gap ledger: what is missing is there once, with the reason that the data tells."""

import datetime as dt
import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.bars.series import market_of, scaled, series, walk
from tests.markets.building import MINUTES
from tradepipe.bars import clean_bars, lookback_bars
from tradepipe.contracts import GAPS, validate
from tradepipe.settings.models import CleaningSettings

MARKET = market_of("A", "B", "C")
HOURS = market_of("A", "B", "C", **(MINUTES | {"interval": "1h"}))
SHARES = market_of("A", "B", **(MINUTES | {"calendar": "XNYS", "interval": "5m"}))


def without(raw, *lost):
    return raw.filter(~pl.int_range(pl.len()).is_in([n for one in lost for n in one]))


def gaps(*frames, market=MARKET, columns=("symbol", "reason", "bars")):
    cleaned = clean_bars(pl.concat(frames), market)
    validate(GAPS.arrange(cleaned.gaps), GAPS, market="here", layer="bars", partition="-")
    return cleaned.gaps.filter(pl.col("symbol") != "*").select(columns).rows()


def a(n=60, market=MARKET):
    return series(market, "A", walk(1, n))


def b(n=60, market=MARKET):
    return series(market, "B", walk(2, n))


def test_nothing_missing_no_gap():
    assert gaps(a(), b()) == []


def test_bars_before_a_symbols_first_are_not_missing():
    assert gaps(a(), b()[30:]) == []


def test_missing_sessions_between_bars_are_unknown():
    assert gaps(without(a(), range(5, 8)), b()) == [("A", "unknown", 3)]


def test_a_gap_of_the_only_symbol_is_unknown():
    assert gaps(without(a(), range(5, 8))) == [("A", "unknown", 3)]


def test_what_all_lack_is_an_outage_and_what_one_lacks_more_is_not():
    assert gaps(without(a(), range(5, 8)), without(b(), range(5, 10))) == [
        ("A", "venue_outage", 3),
        ("B", "venue_outage", 3),
        ("B", "unknown", 2),
    ]


def test_a_third_symbol_that_traded_makes_it_no_outage():
    c = series(MARKET, "C", walk(3, 60))
    assert {row[1] for row in gaps(without(a(), [5]), without(b(), [5]), c)} == {"unknown"}


def test_a_refused_bar_is_a_gap_with_its_code():
    raw = a().with_columns(close=pl.when(pl.int_range(pl.len()).is_in([5, 6])).then(-1.0).otherwise("close"))
    found = gaps(raw, b(), columns=("symbol", "reason", "detail", "bars"))
    assert found == [("A", "refused", "price_not_positive", 2)]


def test_a_refused_bar_came_so_the_venue_was_not_out():
    raw = a().with_columns(close=pl.when(pl.int_range(pl.len()) == 5).then(-1.0).otherwise("close"))
    assert gaps(raw, without(b(), [5])) == [("A", "refused", 1), ("B", "unknown", 1)]


def test_what_has_not_come_yet_is_late():
    assert gaps(a(36), b(40)) == [("A", "late", 4)]


def test_a_symbol_that_never_comes_again_is_late_for_as_long_as_the_lookback_reaches():
    found = gaps(a(30), b(250))
    assert {reason for _, reason, _ in found} == {"late"}
    months = clean_bars(pl.concat([a(30), b(250)]), MARKET).gaps.filter(pl.col("reason") == "late")
    assert months["partition"].to_list() == ["2018-02", "2018-03"]


def test_a_gap_over_partitions_is_told_once():
    """Sessions 15 to 25 lie in January and February, 2018; February sees that the symbol came again."""
    found = gaps(without(a(), range(15, 26)), b(), columns=("symbol", "reason", "bars", "partition"))
    assert found == [("A", "late", 6, "2018-01"), ("A", "unknown", 5, "2018-02")]


def test_a_halt_is_within_a_session_while_others_traded():
    raw, other = a(300, SHARES), b(300, SHARES)
    sessions = raw["session"].to_list()
    first = next(n for n in range(300) if sessions[n] != sessions[0])
    assert gaps(without(raw, range(10, 15)), other, market=SHARES) == [("A", "halt", 5)]
    found = gaps(without(raw, range(first - 3, first + 2)), other, market=SHARES)
    assert found == [("A", "late", 3), ("A", "unknown", 2)]  # neither side within one session


def test_an_outage_over_midnight_is_told_by_the_session_that_follows_it():
    lost = range(20, 30)
    found = gaps(
        without(a(72, HOURS), lost),
        without(b(72, HOURS), lost),
        market=HOURS,
        columns=("symbol", "reason", "bars", "first_open_time", "last_close_time", "partition"),
    )
    times = HOURS.calendar.grid(dt.date(2018, 1, 2), dt.date(2018, 1, 4), "1h")
    span = (times["open_time"][20], times["close_time"][29])
    assert found == [(symbol, "venue_outage", 10, *span, "2018-01-03") for symbol in "AB"]


def test_holidays_and_half_days_are_of_the_market():
    cleaned = clean_bars(series(MARKET, "A", walk(1, 251)), MARKET)
    columns = ["session", "reason", "bars", "partition"]
    told = cleaned.gaps.filter(pl.col("symbol") == "*").select(columns).rows()
    assert (dt.date(2018, 7, 3), "half_day", 0, "2018-07") in told
    assert (dt.date(2018, 7, 4), "holiday", 0, "2018-07") in told
    assert sum(reason == "half_day" for _, reason, *_ in told) == 3
    # Martin Luther King, Presidents, Good Friday, Memorial, Independence, Labor, Thanksgiving, Bush, Christmas;
    # the market's own dates begin after New Year's Day.
    assert sum(reason == "holiday" for _, reason, *_ in told) == 9
    assert clean_bars(a(30, HOURS), HOURS).gaps.is_empty()


def test_a_holiday_is_in_the_partition_of_the_next_session():
    market = market_of("A", partition="session")
    told = clean_bars(series(market, "A", walk(1, 20)), market).gaps
    assert told.select("session", "reason", "partition").rows() == [(dt.date(2018, 1, 15), "holiday", "2018-01-16")]


lost = st.lists(st.tuples(st.integers(0, 79), st.integers(1, 30)), max_size=4)


@pytest.mark.slow
@pytest.mark.parametrize("market", [MARKET, HOURS, SHARES], ids=["daily", "hours", "shares"])
@settings(max_examples=15)
@given(st.lists(lost, min_size=1, max_size=2))
def test_each_missing_bar_is_told_once_and_a_partition_alone_tells_the_same(market, runs):
    n = 160 if market is SHARES else 80
    frames = [
        without(series(market, symbol, walk(7, n)), *[range(start, start + length) for start, length in one])
        for symbol, one in zip("AB", runs, strict=False)
    ]
    raw = pl.concat(frames)
    if raw.is_empty():
        return
    cleaned = clean_bars(raw, market)
    interval = market.settings.interval
    grid = market.calendar.grid(raw["session"].min(), raw["session"].max(), interval)["open_time"]
    there = set(cleaned.bars.select("symbol", "open_time").rows())
    told = []
    for symbol, first, last, bars in (
        cleaned.gaps.filter(pl.col("symbol") != "*")
        .select("symbol", "first_open_time", "last_close_time", "bars")
        .rows()
    ):
        missing = grid.filter((grid >= first) & (grid < last)).to_list()
        assert len(missing) == bars
        told += [(symbol, moment) for moment in missing]
    assert len(told) == len(set(told))
    assert not there & set(told)
    # Every bar missing within two days of its neighbours is told; longer ones end with the lookback.
    for symbol in raw["symbol"].unique():
        mine = np.flatnonzero([(symbol, moment) in there for moment in grid])
        for before, after in itertools.pairwise(mine):
            if after - before <= 15:
                assert {(symbol, moment) for moment in grid[int(before) + 1 : int(after)]} <= set(told)
    keys = raw["partition"].unique().sort().to_list()
    for key in keys[-2:]:
        window = market.partitions.windows([key], market.lookback_sessions(20))
        anchor, end = window["anchor_session"].item(), window["last_session"].item()
        alone = clean_bars(raw.filter(pl.col("session").is_between(anchor, end)), market)
        for name in ("gaps", "bars"):
            mine, its = getattr(alone, name), getattr(cleaned, name)
            assert_frame_equal(mine.filter(pl.col("partition") == key), its.filter(pl.col("partition") == key))


@pytest.mark.slow
@pytest.mark.parametrize("silent", range(2, 12))
def test_what_a_finding_makes_of_a_bar_in_the_lookback_changes_no_ledger(silent):
    """Alone, the lookback's own lookback is not there: its bars may be kept that are refused in a range."""
    market = market_of("A", "B", partition="session", cleaning=CleaningSettings(window=6, stale_bars=0, twin_bars=0))
    mine = scaled(series(market, "A", walk(1, 40)), [20], 1000)
    raw = pl.concat([without(mine, range(21, 21 + silent)), series(market, "B", walk(2, 40))])
    whole = clean_bars(raw, market)
    assert whole.refused["reason"].to_list() == ["wrong_unit"]
    lookback = market.lookback_sessions(lookback_bars(market.settings.cleaning))
    for key, anchor, _, last in market.partitions.windows(sorted(set(raw["partition"])), lookback).rows():
        alone = clean_bars(raw.filter(pl.col("session").is_between(anchor, last)), market)
        assert_frame_equal(alone.gaps.filter(partition=key), whole.gaps.filter(partition=key))

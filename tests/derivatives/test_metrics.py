"""Gaps, longer intervals, and reading many symbols at once."""

import datetime as dt
import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.derivatives.test_files import DAY, HOUR, MS, funding_file, market_of
from tradepipe.contracts import FUNDING, UTC
from tradepipe.derivatives import FUNDING_RULES, MetricReader, aggregate, gaps, read_files
from tradepipe.store import PartitionStore

EIGHT = dt.timedelta(hours=8)
FIVE = dt.timedelta(minutes=5)
AN_HOUR = dt.timedelta(hours=1)


def at(*places, symbol="A", every=EIGHT):
    times = pl.Series("at", [DAY + place * every for place in places], dtype=UTC)
    return pl.DataFrame({"symbol": [symbol] * len(places), "at": times}, schema={"symbol": pl.String, "at": UTC})


def test_exactly_the_missing_intervals_are_reported():
    frame = pl.concat([at(0, 1, 2, 6, 7, 9), at(*range(10), symbol="B"), at(3, symbol="C")])
    found = gaps(frame, "at", EIGHT, DAY, DAY + 9 * EIGHT)
    assert found.rows() == [
        ("A", DAY + 3 * EIGHT, DAY + 5 * EIGHT, 3),
        ("A", DAY + 8 * EIGHT, DAY + 8 * EIGHT, 1),
        ("C", DAY, DAY + 2 * EIGHT, 3),
        ("C", DAY + 4 * EIGHT, DAY + 9 * EIGHT, 6),
    ]


@given(st.sets(st.integers(0, 40), min_size=1), st.randoms())
def test_gaps_and_rows_together_are_the_grid(present, chance: random.Random):
    places = sorted(present)
    chance.shuffle(places)
    found = gaps(at(*places), "at", EIGHT, DAY, DAY + 40 * EIGHT)
    missing = {
        place
        for _, first, last, count in found.rows()
        for place in range((first - DAY) // EIGHT, (last - DAY) // EIGHT + 1)
        if count
    }
    assert missing == set(range(41)) - present
    assert found["missing"].sum() == len(missing)


def test_a_row_off_the_grid_is_said_not_counted_as_missing():
    late = at(0, 1).with_columns(pl.col("at") + dt.timedelta(milliseconds=3))
    with pytest.raises(ValueError, match=r"A at 2024-01-01 00:00:00.003.*Remedy: for funding give scheduled_at"):
        gaps(late, "at", EIGHT, DAY, DAY + 9 * EIGHT)


def test_five_minutes_become_hours_by_known_answers():
    """Twelve rows and one of the next hour; the third has no open interest."""
    frame = pl.DataFrame(
        {
            "symbol": ["A"] * 13,
            "at": pl.Series([DAY + k * FIVE for k in range(13)], dtype=UTC),
            "open_interest": [10.0, 11, None, 13, 14, 15, 16, 17, 18, 19, 20, 21, 99],
            "volume": [float(k) for k in range(1, 14)],
            "price": [5.0, 9, 1, 7, 7, 7, 7, 7, 7, 7, 7, 6, 4],
        }
    )
    rules = {"open_interest": "last", "volume": "sum"}
    found = aggregate(frame.sample(fraction=1, shuffle=True, seed=3), "at", FIVE, AN_HOUR, rules)
    assert found.rows() == [("A", DAY, 21.0, 78.0, 12, True), ("A", DAY + AN_HOUR, 99.0, 13.0, 1, False)]
    for how, expected in {"first": 5.0, "max": 9.0, "min": 1.0, "last": 6.0, "mean": 77 / 12, "sum": 77.0}.items():
        assert aggregate(frame, "at", FIVE, AN_HOUR, {"price": how})["price"][0] == pytest.approx(expected)


def test_the_sum_of_nothing_is_unknown():
    frame = at(0).with_columns(rate=pl.lit(None, pl.Float64))
    assert aggregate(frame, "at", EIGHT, 3 * EIGHT, {"rate": "sum"})["rate"].to_list() == [None]


def test_an_interval_that_does_not_hold_the_others_is_refused():
    with pytest.raises(ValueError, match="no multiple"):
        aggregate(at(0), "at", dt.timedelta(minutes=7), AN_HOUR, {})


def test_a_longer_interval_does_not_know_what_comes_after_it():
    frame = at(*range(20)).with_columns(rate=pl.int_range(20) / 10)
    whole = aggregate(frame, "at", EIGHT, 3 * EIGHT, {"rate": "sum"})
    for cut in range(1, 20):
        part = aggregate(frame.head(cut), "at", EIGHT, 3 * EIGHT, {"rate": "sum"}).filter("complete")
        assert part.equals(whole.head(part.height))


@pytest.fixture
def store(tmp_path):
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path}/catalogue.sqlite", AN_HOUR) as opened:
        yield opened


def publish(store, folder, rate):
    symbols = [f"C{number:03d}" for number in range(40)]
    rows = [(symbol, MS + k * 8 * HOUR, str(rate)) for symbol in symbols for k in range(6)]
    parsed = read_files("funding", [funding_file(folder, *rows)], market_of(*symbols)).rows
    frames = {key: part.drop("partition") for (key,), part in parsed.partition_by("partition", as_dict=True).items()}
    store.publish("m/funding", frames, FUNDING, code_version="1", inputs=dict.fromkeys(frames, ()))
    return list(frames), symbols


def test_forty_symbols_cost_one_query_an_interval_and_none_when_nothing_changed(store, tmp_path):
    keys, symbols = publish(store, tmp_path, 0.001)
    reader = MetricReader(store, "m/funding", FUNDING, time="scheduled_at", every=EIGHT, rules=FUNDING_RULES)
    intervals = [EIGHT, dt.timedelta(days=1)]
    found = reader.read(intervals, keys, symbols)
    assert reader.queries == len(intervals)
    assert found[intervals[1]].height == 40 * 2
    assert found[intervals[1]]["rate"].to_list() == pytest.approx([0.003] * 80)
    assert reader.read(intervals, keys, symbols[::-1])[EIGHT] is found[EIGHT]
    assert (reader.queries, reader.hits) == (2, 2)
    publish(store, tmp_path, 0.002)  # a restatement: what was kept is no longer true
    assert reader.read(intervals, keys, symbols)[EIGHT]["rate"].to_list() == [0.002] * 240
    assert reader.queries == 4


def test_the_reader_forgets_what_was_not_used_longest(store, tmp_path):
    keys, symbols = publish(store, tmp_path, 0.001)
    reader = MetricReader(store, "m/funding", FUNDING, time="scheduled_at", every=EIGHT, rules=FUNDING_RULES, kept=2)
    for symbol in (*symbols[:3], symbols[2], symbols[0]):
        assert reader.read([EIGHT], keys, [symbol])[EIGHT].height == 6
    assert (reader.queries, reader.hits) == (4, 1)

import datetime as dt
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.contracts import BARS, BARS_HISTORY, GAPS, QUARANTINE, RAW_BARS, validate

MARKET = build_market(symbols=["A", "B"])
SESSIONS = MARKET.calendar.sessions(dt.date(2018, 11, 19), dt.date(2018, 12, 31))
PRICES = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0}


def raw_frame(rows, market=MARKET):
    """RAW_BARS rows and partition from dicts: symbol, session, and what differs from PRICES."""
    days = [row["session"] for row in rows] or [SESSIONS[0]]
    bounds = {row["session"]: row for row in market.calendar.bounds(min(days), max(days)).rows(named=True)}
    filled = []
    for number, row in enumerate(rows, start=2):
        bound = bounds[row["session"]]
        filled.append(
            {"interval": "1d", "file": "a.csv", "line": number, "file_sha256": "0" * 64}
            | {"open_time": bound["open_time"], "known_at": bound["close_time"] + dt.timedelta(minutes=30)}
            | PRICES
            | row
        )
    frame = pl.DataFrame(filled, schema=RAW_BARS.polars_schema)
    return frame.with_columns(market.partitions.key_expr().alias("partition"))


def missing(cleaned):
    """The gaps of symbols: those of the calendar left out."""
    return cleaned.gaps.filter(pl.col("symbol") != "*")


def one_row(**changes):
    return clean_bars(raw_frame([{"symbol": "A", "session": SESSIONS[0]} | changes]), MARKET)


def test_a_good_row_becomes_a_bar():
    cleaned = one_row()
    bar = cleaned.bars.row(0, named=True)
    assert bar["close_time"] == dt.datetime(2018, 11, 19, 21, tzinfo=dt.UTC)
    assert {name: bar[name] for name in PRICES} == PRICES
    assert (bar["quality"], bar["partition"]) == ("ok", "2018-11")
    assert cleaned.refused.is_empty()
    assert missing(cleaned).is_empty()
    validate(cleaned.bars.drop("partition"), BARS, market="here", layer="bars", partition="2018-11")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"high": 8.0, "low": 9.0}, "high_below_low"),
        ({"high": 10.5}, "high_below_open_or_close"),
        ({"low": 10.5}, "low_above_open_or_close"),
        ({"open": 0.0}, "price_not_positive"),
        ({"close": -1.0}, "price_not_positive"),
        ({"volume": -1.0}, "volume_out_of_range"),
        ({"close": float("nan")}, "close_not_finite"),
        ({"high": float("inf")}, "high_not_finite"),
        ({"interval": "1h"}, "close_time_missing"),
        ({"interval": "7d"}, "interval_unknown"),
        ({"open_time": dt.datetime(2018, 11, 19, 15, tzinfo=dt.UTC)}, "close_time_missing"),
        ({"known_at": dt.datetime(2018, 11, 19, 15, tzinfo=dt.UTC)}, "known_before_close"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_with_the_rules_code(changes, reason):
    cleaned = one_row(**changes)
    assert cleaned.bars.is_empty()
    row = cleaned.refused.row(0, named=True)
    assert (row["reason"], row["layer"], row["partition"]) == (reason, "bars", "2018-11")
    assert row["detail"].startswith("broken: ")
    assert set(json.loads(row["row"])) == set(RAW_BARS.column_names)
    validate(cleaned.refused, QUARANTINE, market="here", layer="bars", partition="2018-11")


@pytest.mark.parametrize(
    ("changes", "quality"),
    [
        ({"volume": 0.0}, "zero_volume"),
        ({"volume": 0.0, "open": 11.0, "high": 11.0, "low": 11.0}, "ok"),
        ({"volume": 0.0, "open": 11.0, "high": 11.0, "low": 10.0}, "zero_volume"),
        ({"volume": 0.5}, "ok"),
    ],
)
def test_a_bar_that_moved_without_volume_is_kept_and_marked(changes, quality):
    assert one_row(**changes).bars["quality"].to_list() == [quality]


def deliveries(*rows):
    return clean_bars(raw_frame([{"symbol": "A", "session": SESSIONS[0]} | row for row in rows]), MARKET)


def verdicts(cleaned):
    return dict(cleaned.refused.select("line", "reason").iter_rows())


def test_the_same_row_again_is_a_duplicate_in_its_file_and_a_confirmation_in_another():
    cleaned = deliveries({}, {}, {"file": "b.csv"})
    assert cleaned.bars.height == 1
    assert cleaned.refused.select("file", "line", "reason", "detail").rows() == [
        ("a.csv", 3, "duplicate_row", "says the same as line 2 of a.csv"),
    ]
    assert cleaned.history.is_empty()


def test_a_restatement_in_a_later_file_wins():
    cleaned = deliveries({"close": 11.5, "file": "b.csv"}, {})
    assert cleaned.bars["close"].to_list() == [11.5]
    assert verdicts(cleaned) == {3: "superseded_row"}
    assert cleaned.refused["detail"].item() == "restated by line 2 of b.csv"


def test_within_a_file_the_later_line_wins():
    cleaned = deliveries({"close": 11.5}, {}, {"close": 11.5})
    assert cleaned.bars["close"].to_list() == [11.5]
    assert verdicts(cleaned) == {3: "superseded_row", 4: "duplicate_row"}


def test_a_row_known_later_wins_over_a_greater_file_name():
    later = dt.datetime(2018, 11, 20, tzinfo=dt.UTC)
    cleaned = deliveries({"close": 11.5, "known_at": later}, {"file": "z.csv"})
    assert cleaned.bars["close"].to_list() == [11.5]
    assert cleaned.history.select("close", "superseded_at", "partition").rows() == [(11.0, later, "2018-11")]
    assert cleaned.refused.is_empty()
    validate(BARS_HISTORY.arrange(cleaned.history), BARS_HISTORY, market="here", layer="bars", partition="2018-11")


def test_a_broken_restatement_does_not_replace_a_good_row():
    cleaned = deliveries({}, {"close": -1.0, "file": "b.csv"})
    assert cleaned.bars["close"].to_list() == [11.0]
    assert verdicts(cleaned) == {3: "price_not_positive"}
    assert missing(cleaned).is_empty()


def test_nothing_in_nothing_out():
    cleaned = clean_bars(raw_frame([]), MARKET)
    assert cleaned.bars.columns == [*BARS.column_names, "partition"]
    assert cleaned.refused.schema == QUARANTINE.polars_schema
    assert cleaned.gaps.schema == {**GAPS.polars_schema, "partition": pl.String}
    assert cleaned.history.schema == {**BARS_HISTORY.polars_schema, "partition": pl.String}
    refused_only = clean_bars(raw_frame([{"symbol": "A", "session": SESSIONS[0], "open": 0.0}]), MARKET)
    assert refused_only.bars.is_empty()
    assert refused_only.gaps.filter(pl.col("symbol") != "*").is_empty()


values = st.sampled_from([10.0, 11.0, 12.0, 9.0, 0.0, -1.0, float("nan"), float("inf"), 5e-324, 1e300])
raw_rows = st.lists(
    st.fixed_dictionaries(
        {
            "symbol": st.sampled_from(["A", "B"]),
            "session": st.sampled_from(SESSIONS[:6]),
            "file": st.sampled_from(["a.csv", "b.csv"]),
        },
        optional=dict.fromkeys(PRICES, values) | {"interval": st.sampled_from(["1d", "1h", "7d"])},
    ),
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=min(40, settings().max_examples))
@given(raw_rows)
def test_each_raw_row_is_a_bar_was_one_confirms_one_or_is_refused(rows):
    raw = raw_frame(rows)
    cleaned = clean_bars(raw, MARKET)
    validate(cleaned.bars.drop("partition"), BARS, market="here", layer="bars", partition="-")
    validate(cleaned.refused, QUARANTINE, market="here", layer="bars", partition="-")
    validate(GAPS.arrange(cleaned.gaps), GAPS, market="here", layer="bars", partition="-")
    assert not cleaned.refused.select("file", "line").is_duplicated().any()
    kept = raw.join(cleaned.refused.select("file", "line"), on=["file", "line"], how="anti")
    said = ["symbol", "open_time", *PRICES]
    told = pl.concat([cleaned.bars.select(said), cleaned.history.select(said)]).unique()
    assert_frame_equal(kept.select(said).unique().sort(said), told.sort(said))
    shared = [*said, "known_at", "partition"]
    assert cleaned.bars.join(kept, on=shared, how="anti").is_empty()
    there = set(cleaned.bars.select("symbol", "session").rows())
    for symbol, session in missing(cleaned).select("symbol", "session").rows():
        mine = [day for name, day in there if name == symbol]
        assert min(mine) < session
        assert (symbol, session) not in there


@pytest.mark.slow
@settings(max_examples=30)
@given(raw_rows, st.randoms(use_true_random=False))
def test_order_other_symbols_and_other_partitions_change_nothing(rows, random):
    raw = raw_frame(rows)
    whole = clean_bars(raw, MARKET)
    shuffled = clean_bars(raw.sample(fraction=1, shuffle=True, seed=random.randrange(2**32)), MARKET)
    for name in ("bars", "refused", "gaps", "history"):
        assert_frame_equal(getattr(shuffled, name), getattr(whole, name))
    only = clean_bars(raw.filter(pl.col("symbol") == "A"), MARKET)
    assert_frame_equal(only.bars, whole.bars.filter(pl.col("symbol") == "A"))
    assert_frame_equal(only.history, whole.history.filter(pl.col("symbol") == "A"))

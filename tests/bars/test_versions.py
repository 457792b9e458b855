"""What was true when: an oracle that walks the deliveries one by one, and the cases it is about."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradepipe.bars.versions import CONTENT, KEY, settle
from tradepipe.contracts import RAW_BARS

UTC = dt.UTC
DAY = dt.datetime(2018, 6, 1, tzinfo=UTC)


def delivered(
    close: float, known: int, *, file: str = "a.csv", line: int = 2, symbol: str = "SPX", at: int | None = None
):
    """One delivered row: known so many days after its bar."""
    when = None if at is None else DAY + dt.timedelta(days=at)
    return {
        "symbol": symbol,
        "interval": "1d",
        "session": DAY.date(),
        "open_time": DAY,
        "open": 10.0,
        "high": 20.0,
        "low": 5.0,
        "close": close,
        "volume": 100.0,
        "adjusted_close": None,
        "delivered_at": when,
        "known_at": DAY + dt.timedelta(days=known),
        "file": file,
        "line": line,
        "file_sha256": "0" * 64,
    }


def raw(*rows) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=RAW_BARS.polars_schema)


def told(frame: pl.DataFrame) -> list[tuple[float, int]]:
    """(close, days from the bar until it was known) of each row."""
    return [(row["close"], (row["known_at"] - DAY).days) for row in frame.to_dicts()]


def test_a_single_delivery_is_the_truth():
    found = settle(raw(delivered(10, 1), delivered(11, 1, symbol="IXIC", line=3)))
    assert found.current["symbol"].to_list() in (["IXIC", "SPX"], ["SPX", "IXIC"])
    assert (found.history.height, found.refused.height, found.confirmed.height) == (0, 0, 0)


def test_a_restatement_supersedes_from_the_moment_it_is_known():
    found = settle(raw(delivered(10, 1), delivered(11, 2, file="b.csv")))
    assert told(found.current) == [(11, 2)]
    assert told(found.history) == [(10, 1)]
    assert found.history["superseded_at"].to_list() == [DAY + dt.timedelta(days=2)]


def test_a_word_that_comes_back_is_a_third_version():
    found = settle(raw(*[delivered(close, day, file=f"{day}.csv") for close, day in ((10, 1), (11, 2), (10, 3))]))
    assert told(found.current) == [(10, 3)]
    assert told(found.history) == [(10, 1), (11, 2)]


def test_a_later_delivery_that_says_the_same_confirms_and_is_not_refused():
    found = settle(raw(delivered(10, 1), delivered(10, 2, file="b.csv"), delivered(10, 3, file="c.csv")))
    assert told(found.current) == [(10, 1)]
    assert told(found.confirmed) == [(10, 2), (10, 3)]
    assert (found.history.height, found.refused.height) == (0, 0)


def test_one_delivery_that_says_the_same_twice_is_refused_once():
    found = settle(raw(delivered(10, 1, line=2), delivered(10, 1, line=3)))
    assert found.refused.select("line", "reason", "detail").row(0) == (
        3,
        "duplicate_row",
        "says the same as line 2 of a.csv",
    )
    assert found.current["line"].to_list() == [2]


def test_one_file_may_hold_many_deliveries():
    found = settle(raw(delivered(10, 1, at=1, line=2), delivered(10, 2, at=2, line=3), delivered(10, 2, at=2, line=4)))
    assert found.confirmed["line"].to_list() == [3]
    assert found.refused["line"].to_list() == [4]


def test_of_two_words_known_at_one_moment_the_earlier_never_was_true():
    found = settle(raw(delivered(11, 1, file="b.csv"), delivered(10, 1, file="a.csv")))
    assert told(found.current) == [(11, 1)]
    assert found.history.is_empty()
    assert found.refused.select("file", "reason", "detail").row(0) == (
        "a.csv",
        "superseded_row",
        "restated by line 2 of b.csv",
    )


def test_the_delivery_decides_before_the_name():
    found = settle(raw(delivered(10, 1, file="b.csv", at=0), delivered(11, 1, file="a.csv", at=1)))
    assert told(found.current) == [(11, 1)]


def test_the_arrival_decides_before_the_name_where_it_is_told():
    rows = raw(delivered(10, 1, file="b.csv"), delivered(11, 1, file="a.csv"))
    found = settle(rows.with_columns(arrived_at=pl.Series([DAY, DAY + dt.timedelta(hours=1)])))
    assert told(found.current) == [(11, 1)]


deliveries = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.integers(1, 5),  # known
        st.one_of(st.none(), st.integers(0, 5)),  # delivered
        st.sampled_from(["a", "b", "c"]),  # file
        st.sampled_from([10.0, 11.0]),
    ),
    max_size=14,
)


def frame_of(history) -> pl.DataFrame:
    rows = [
        delivered(close, max(known, at or 0), file=file, line=line, symbol=symbol, at=at)
        for line, (symbol, known, at, file, close) in enumerate(history, start=2)
    ]
    return raw(*rows)


def oracle(rows: pl.DataFrame) -> dict[str, float]:
    """The last word on each symbol's bar, by walking all rows in the order of decision 0009."""
    never = DAY - dt.timedelta(days=999)
    ordered = sorted(rows.to_dicts(), key=lambda r: (r["known_at"], r["delivered_at"] or never, r["file"], r["line"]))
    return {row["symbol"]: row["close"] for row in ordered}


@pytest.mark.slow
@settings(max_examples=min(50, settings().max_examples))
@given(deliveries, st.randoms(use_true_random=False))
def test_at_every_moment_the_versions_say_what_the_deliveries_said(history, random):
    rows = frame_of(history)
    shuffled = rows[random.sample(range(rows.height), rows.height)] if rows.height else rows
    found = settle(shuffled)
    versions = pl.concat(
        [found.current.with_columns(superseded_at=pl.lit(None, pl.Datetime("us", "UTC"))), found.history]
    )
    for day in range(7):
        now = DAY + dt.timedelta(days=day)
        known = rows.filter(pl.col("known_at") <= now)
        true = versions.filter(
            (pl.col("known_at") <= now) & (pl.col("superseded_at").is_null() | (pl.col("superseded_at") > now))
        )
        assert dict(zip(true["symbol"], true["close"], strict=True)) == oracle(known)
        assert true.height == true["symbol"].n_unique()
        # ... and are those that settling the rows known by then gives, with the moment they were known from.
        again = settle(known).current
        assert true.sort(KEY).select(again.columns).equals(again.sort(KEY))


@given(deliveries)
def test_every_delivered_row_is_in_exactly_one_place(history):
    rows = frame_of(history)
    found = settle(rows)
    places = [found.current, found.history, found.refused, found.confirmed]
    assert pl.concat([part.select(rows.columns) for part in places]).sort("line").equals(rows)
    assert found.history.filter(pl.col("superseded_at") <= pl.col("known_at")).is_empty()
    assert set(found.refused["reason"]) <= {"duplicate_row", "superseded_row"}


@given(deliveries)
def test_no_version_repeats_the_one_before(history):
    found = settle(frame_of(history))
    versions = pl.concat([found.current, found.history.drop("superseded_at")]).sort(*KEY, "known_at")
    same = versions.select(pl.all_horizontal([pl.col(name) == pl.col(name).shift(1).over(KEY) for name in CONTENT]))
    assert not same.to_series().any()


@pytest.mark.parametrize("rows", [raw(), raw(delivered(10, 1))])
def test_nothing_to_settle_gives_the_columns_all_the_same(rows):
    found = settle(rows)
    assert found.current.equals(rows)
    assert found.history.columns == [*rows.columns, "superseded_at"]
    assert found.refused.columns == [*rows.columns, "reason", "detail"]

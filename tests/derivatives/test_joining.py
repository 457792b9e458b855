"""What was known of funding, mark prices and open interest when each bar was."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.contracts import UTC
from tradepipe.derivatives import LIMITS, with_outside

DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
BARS = {"symbol": pl.String, "open_time": UTC, "close_time": UTC, "known_at": UTC}
INTEREST = {"symbol": pl.String, "taken_at": UTC, "known_at": UTC, "open_interest": pl.Float64}
FUNDING = {"symbol": pl.String, "scheduled_at": UTC, "known_at": UTC, "rate": pl.Float64}
MARKS = {"symbol": pl.String, "close_time": UTC, "known_at": UTC, "close": pl.Float64}


def frame(rows, schema):
    return pl.DataFrame(rows, schema=schema, orient="row")


def bars_of(count, *, symbol="A", delay=0, length=HOUR):
    """Bars known `delay` minutes after their close."""
    closes = [DAY + (k + 1) * length for k in range(count)]
    return frame([(symbol, close - length, close, close + delay * MINUTE) for close in closes], BARS)


def test_each_kind_stands_beside_the_bar_that_could_know_it():
    funding = frame([("A", DAY + HOUR, DAY + HOUR, 0.1), ("A", DAY + 3 * HOUR, DAY + 3 * HOUR + MINUTE, 0.2)], FUNDING)
    marks = frame([("A", DAY + HOUR, DAY + HOUR, 99.0), ("A", DAY + 2 * HOUR, DAY + 2 * HOUR, 98.0)], MARKS)
    interest = frame([("A", DAY + 2 * HOUR, DAY + 2 * HOUR, 7.0), ("B", DAY + HOUR, DAY + HOUR, 5.0)], INTEREST)
    bars = bars_of(4)
    joined = with_outside(bars, funding=funding, mark_prices=marks, open_interest=interest)
    assert joined.columns == [*bars.columns, "funding_rate", "mark_price", "open_interest"]
    assert joined.schema.dtypes()[-3:] == [pl.Float64] * 3
    # The second payment was known a minute after the third bar; mark and open interest hold for a bar.
    assert joined["funding_rate"].to_list() == [0.1, 0.1, 0.1, 0.2]
    assert joined["mark_price"].to_list() == [99.0, 98.0, None, None]
    assert joined["open_interest"].to_list() == [None, 7.0, None, None]


def test_without_a_layer_the_column_is_null():
    joined = with_outside(bars_of(2))
    assert joined.select("funding_rate", "mark_price", "open_interest").rows() == [(None, None, None)] * 2
    assert joined.schema.dtypes()[-3:] == [pl.Float64] * 3
    empty = with_outside(bars_of(0), funding=frame([], FUNDING), open_interest=frame([], INTEREST))
    assert empty.is_empty()
    assert with_outside(bars_of(2), funding=frame([], FUNDING))["funding_rate"].to_list() == [None, None]


@pytest.mark.parametrize("name", LIMITS)
def test_no_value_is_as_old_as_its_limit(name):
    limit = LIMITS[name]
    closes = [DAY + limit - MINUTE, DAY + limit]
    bars = frame([("A", close - MINUTE, close, close) for close in closes], BARS)
    layer, schema = {
        "funding_rate": ("funding", FUNDING),
        "mark_price": ("mark_prices", MARKS),
        "open_interest": ("open_interest", INTEREST),
    }[name]
    assert with_outside(bars, **{layer: frame([("A", DAY, DAY, 1.5)], schema)})[name].to_list() == [1.5, None]


def test_a_bar_delivered_years_late_gets_nothing_of_later_times():
    bars = bars_of(3).with_columns(known_at=pl.lit(DAY + dt.timedelta(days=900)))
    rows = frame([("A", DAY + k * HOUR, DAY + k * HOUR, float(k)) for k in range(1, 3000)], INTEREST)
    assert with_outside(bars, open_interest=rows)["open_interest"].to_list() == [1.0, 2.0, 3.0]


minutes = st.integers(0, 15 * 60)
moments = st.lists(st.tuples(st.sampled_from("AB"), minutes, st.integers(0, 200)), max_size=30)


def interest_of(moments_of):
    """One row a symbol and time; its value is the minute."""
    told = {(symbol, at): late for symbol, at, late in moments_of}
    rows = [(symbol, DAY + at * MINUTE, DAY + (at + late) * MINUTE, float(at)) for (symbol, at), late in told.items()]
    return frame(rows, INTEREST)


@given(moments, moments)
def test_the_value_is_the_last_of_its_time_that_was_known(bar_moments, row_moments):
    """By looking at every pair."""
    bars = frame(
        [
            (symbol, DAY + (at - 60) * MINUTE, DAY + at * MINUTE, DAY + (at + late) * MINUTE)
            for symbol, at, late in bar_moments
        ],
        BARS,
    )
    rows = interest_of(row_moments)
    told = rows.rows()
    # What became known only after something younger is left out.
    orderly = [one for one in told if not any(one[0] == two[0] and one[1] < two[1] and two[2] < one[2] for two in told)]
    joined = with_outside(bars, open_interest=rows)
    assert joined.select(bars.columns).equals(bars)
    for symbol, _, close, known, found in joined.select(*bars.columns, "open_interest").rows():
        could = [one for one in orderly if one[0] == symbol and one[1] <= close and one[2] <= known]
        last = max(could, key=lambda one: one[1], default=None)
        assert found == (last[3] if last is not None and close - last[1] < HOUR else None)


@given(moments, minutes)
def test_no_value_knows_the_future(row_moments, cut):
    bars = pl.concat([bars_of(15, delay=7), bars_of(60, symbol="B", length=15 * MINUTE)])
    rows = interest_of(row_moments)
    by_then = DAY + cut * MINUTE
    whole = with_outside(bars, open_interest=rows)
    part = with_outside(
        bars.filter(pl.col("known_at") <= by_then), open_interest=rows.filter(pl.col("known_at") <= by_then)
    )
    assert part.equals(whole.filter(pl.col("known_at") <= by_then))

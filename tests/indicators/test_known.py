"""The last row that was known: as defined, and blind to what comes later."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradepipe.indicators.batch.known import last_known

NOON = dt.datetime(2020, 1, 2, 12, tzinfo=dt.UTC)
TIMED = {"symbol": pl.String, "close_time": pl.Datetime("us", "UTC"), "known_at": pl.Datetime("us", "UTC")}
moments = st.tuples(st.sampled_from("AB"), st.integers(0, 9), st.integers(0, 6))
frames = st.lists(moments, max_size=14, unique_by=lambda one: one[:2])


def frame(told):
    rows = [
        (symbol, NOON + dt.timedelta(hours=close), NOON + dt.timedelta(hours=close + late))
        for symbol, close, late in told
    ]
    return pl.DataFrame(rows, schema=TIMED, orient="row")


def defined(asked, told):
    """Row by row: the youngest that had closed and was known, of those not known after a younger one."""
    found = []
    for bar in asked.to_dicts():
        mine = [(row, index) for index, row in enumerate(told.to_dicts()) if row["symbol"] == bar["symbol"]]
        there = [
            (row["close_time"], index)
            for row, index in mine
            if row["close_time"] <= bar["close_time"]
            and row["known_at"] <= bar["known_at"]
            and not any(
                other["close_time"] > row["close_time"] and other["known_at"] < row["known_at"] for other, _ in mine
            )
        ]
        found.append(max(there)[1] if there else None)
    return found


@given(asked=frames, told=frames)
def test_it_is_the_last_that_had_closed_and_was_known(asked, told):
    bars, rows = frame(asked), frame(told)
    found = last_known(bars, rows, ["symbol"])
    assert found.to_list() == defined(bars, rows)


@pytest.mark.slow
@settings(deadline=None, max_examples=min(40, settings().max_examples))
@given(asked=frames, told=frames)
def test_what_is_known_later_changes_nothing(asked, told):
    bars, rows = frame(asked), frame(told)
    full = last_known(bars, rows, ["symbol"])
    for cut in range(16):
        known = pl.col("known_at") <= NOON + dt.timedelta(hours=cut)
        then = rows.with_row_index("n").filter(known)
        found = then["n"].gather(last_known(bars.filter(known), then, ["symbol"])).to_list()
        assert found == bars.with_columns(full).filter(known)["found"].to_list()

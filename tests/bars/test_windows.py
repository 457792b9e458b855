import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tradepipe.bars import anchored
from tradepipe.markets import PartitionScheme, calendar_for

MONTHS = PartitionScheme("month", calendar_for("XNYS"), dt.date(2018, 1, 1), dt.date(2018, 12, 31))


@pytest.fixture(scope="module")
def bars():
    sessions = MONTHS.sessions_of("2018-05") + MONTHS.sessions_of("2018-06") + MONTHS.sessions_of("2018-08")
    symbols = pl.DataFrame({"symbol": ["B", "A"]})
    return pl.DataFrame({"session": sessions}).join(symbols, how="cross").with_row_index("n")


def by_filter(frame, windows):
    """What the docstring says, one window at a time."""
    parts = [
        frame.filter(pl.col("session").is_between(anchor, last))
        .sort("session", maintain_order=True)
        .select(pl.lit(partition).alias("partition"), pl.all())
        for partition, anchor, _first, last in windows.rows()
    ]
    return pl.concat(parts) if parts else frame.clear().select(pl.lit("").alias("partition"), pl.all())


@given(st.data(), st.integers(0, 60))
def test_equals_a_filter_a_window(data, lookback):
    rows = data.draw(st.lists(st.sampled_from(MONTHS.sessions_of("2018-05") + MONTHS.sessions_of("2018-07"))))
    frame = pl.DataFrame({"session": rows}, schema={"session": pl.Date}).with_row_index("n")
    keys = data.draw(st.lists(st.sampled_from(MONTHS.keys("2018-04", "2018-09")), unique=True))
    windows = MONTHS.windows(keys, lookback)
    assert_frame_equal(anchored(frame, windows), by_filter(frame, windows))


def test_a_partition_alone_has_the_rows_it_has_in_a_range(bars):
    together = anchored(bars, MONTHS.windows(["2018-06", "2018-07", "2018-08"], 25))
    alone = anchored(bars, MONTHS.windows(["2018-08"], 25))
    assert_frame_equal(together.filter(pl.col("partition") == "2018-08"), alone)
    assert alone["session"].min() == dt.date(2018, 6, 26)
    assert alone.filter(pl.col("session") == dt.date(2018, 8, 1))["symbol"].to_list() == ["B", "A"]


def test_a_partition_column_of_the_frame_is_replaced(bars):
    windows = MONTHS.windows(["2018-05", "2018-06"], 3)
    labelled = bars.with_columns(partition=pl.lit("stale"))
    assert_frame_equal(anchored(labelled, windows), anchored(bars, windows))


def test_nothing_in_nothing_out(bars):
    windows = MONTHS.windows(["2018-05"], 3)
    assert anchored(bars.clear(), windows).is_empty()
    assert anchored(bars, windows.clear()).columns == ["partition", "n", "session", "symbol"]
    assert anchored(bars, MONTHS.windows(["2018-02"], 3)).is_empty()

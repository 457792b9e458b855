"""For any history of deliveries: an as-of read is what cleaning would have given then."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.contracts import BARS, BARS_HISTORY, RAW_BARS
from tradepipe.store import Companion, PartitionStore

UTC = dt.UTC
MARKET = build_market(symbols=["A", "B"])
SESSIONS = MARKET.calendar.sessions(dt.date(2018, 5, 30), dt.date(2018, 6, 5))
BOUNDS = MARKET.calendar.bounds(SESSIONS[0], SESSIONS[-1])
CLOSES = dict(BOUNDS.select("session", "close_time").rows())
OPENS = dict(BOUNDS.select("session", "open_time").rows())
DELAY = MARKET.settings.publication_delay

words = st.tuples(
    st.sampled_from(["A", "B"]),
    st.sampled_from(SESSIONS),
    st.one_of(st.none(), st.integers(-1, 6)),  # delivered so many days after the close
    st.sampled_from(["a.csv", "b.csv"]),
    st.sampled_from([10.0, 10.5, 11.0, 1000.0, -1.0]),  # the last two are refused: another unit, no price
)


def raw_of(history) -> pl.DataFrame:
    rows = []
    for line, (symbol, session, late, file, close) in enumerate(history, start=2):
        delivered = None if late is None else CLOSES[session] + dt.timedelta(days=late)
        known = max(CLOSES[session] + DELAY, delivered or CLOSES[session])
        numbers = {"open": 10.0, "high": max(close, 11.0), "low": min(close, 10.0), "close": close, "volume": 5.0}
        rows.append(
            {
                "symbol": symbol,
                "interval": "1d",
                "session": session,
                "open_time": OPENS[session],
                **numbers,
                "adjusted_close": None,
                "delivered_at": delivered,
                "known_at": known,
                "file": file,
                "line": line,
                "file_sha256": "0" * 64,
            }
        )
    frame = RAW_BARS.arrange(pl.DataFrame(rows, schema=RAW_BARS.polars_schema, orient="row"))
    return frame.with_columns(MARKET.partitions.key_expr().alias("partition"))


def parted(rows: pl.DataFrame, contract) -> dict[str, pl.DataFrame]:
    keys = ["2018-05", "2018-06"]
    return {key: contract.arrange(rows.filter(partition=key)) for key in keys}


@pytest.mark.slow
@settings(max_examples=10)
@given(st.lists(words, min_size=1, max_size=30))
def test_an_as_of_read_is_what_cleaning_would_have_given_then(tmp_path_factory, history):
    folder = tmp_path_factory.mktemp("any")
    raw = raw_of(history)
    found = clean_bars(raw, MARKET)
    with PartitionStore.open(folder, f"sqlite:///{folder / 'catalogue.sqlite'}", dt.timedelta(hours=1)) as store:
        history_rows = Companion(BARS_HISTORY, parted(found.history, BARS_HISTORY))
        store.publish(
            "here/bars", parted(found.bars, BARS), BARS, code_version="1", inputs={}, beside={"history": history_rows}
        )
        for moment in sorted({*raw["known_at"], CLOSES[SESSIONS[0]]}):
            then = store.read("here/bars", as_of=moment)
            known = raw.filter(pl.col("known_at") <= moment)
            again = pl.concat(list(parted(clean_bars(known, MARKET).bars, BARS).values()))
            assert_frame_equal(then, again)
            assert then.filter(pl.col("known_at") > moment).is_empty()
            for symbol in ("A", "B"):
                window = store.latest("here/bars", symbol, 3, as_of=moment)
                assert_frame_equal(window, again.filter(symbol=symbol).tail(3))

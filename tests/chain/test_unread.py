"""Rows that cannot be read as a bar: the gap ledger knows that they came, and follows them."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.chain import UNREAD, LandingIndex, LayerRun, stale_partitions
from tradepipe.contracts import BARS_HISTORY, GAPS, UNREAD_BARS
from tradepipe.settings.sources import FileSource
from tradepipe.store import PartitionStore

MARKET = build_market(
    symbols=["A", "B"],
    start=dt.date(2018, 1, 1),
    partition="session",
    source=FileSource(pattern="*.csv", symbol_column="Symbol"),
)
SESSIONS = [str(session) for session in MARKET.calendar.sessions(dt.date(2018, 1, 2), dt.date(2018, 1, 12))]
FIFTH = SESSIONS[4]


@pytest.fixture
def store(tmp_path: Path):
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path / 'c.sqlite'}", dt.timedelta(hours=1)) as opened:
        yield opened


def deliver(folder: Path, **spoilt: str) -> Path:
    """A file a symbol, a bar a session; `spoilt`: what a symbol says of the fifth session instead."""
    for symbol in ("A", "B"):
        lines = [f"{symbol},{session},10,11,9,10,{100 + n}" for n, session in enumerate(SESSIONS)]
        lines[4] = spoilt.get(symbol, lines[4])
        text = "\n".join(["Symbol,Date,Open,High,Low,Close,Volume", *lines])
        (folder / f"{symbol}.csv").write_text(text + "\n")
    return folder


def run(store: PartitionStore, folder: Path, layer: str, keys: list[str]) -> None:
    """What the assets do."""
    here = LayerRun(store, MARKET, layer, keys)
    if layer == "raw_bars":
        index = LandingIndex.read(folder, MARKET, store)
        raw = index.rows_of(keys)
        index.keep(store, None)
        inputs = {key: index.inputs(key) for key in keys}
        here.publish(raw.rows, refused=raw.refused, beside={"unread": (UNREAD_BARS, raw.unread)}, inputs=inputs)
    else:
        raw, unread = (here.place(here.read(name)) for name in ("raw_bars", UNREAD))
        cleaned = clean_bars(raw, MARKET, here.read("releases"), unread)
        beside = {"history": (BARS_HISTORY, cleaned.history), "gaps": (GAPS, cleaned.gaps)}
        here.publish(cleaned.bars, refused=cleaned.refused, beside=beside)


def ledger(store: PartitionStore) -> list[tuple]:
    gaps = store.read("here/bars.gaps").filter(pl.col("symbol") != "*")
    return gaps.select("symbol", "session", "bars", "reason", "detail").sort("symbol", "session").rows()


def stale(store: PartitionStore, folder: Path, layer: str) -> list[str]:
    index = LandingIndex.read(folder, MARKET, store)
    return [one.partition for one in stale_partitions(store.catalogue, MARKET, SESSIONS, index, [layer])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "code"),
    [
        (f"A,{FIFTH},,11,9,10,104", "value_missing"),
        (f"A,{FIFTH},10,11,9,x,104", "number_unreadable"),
        (f"A,{FIFTH},10,11,9,10", "ragged_row"),
    ],
)
def test_a_bar_whose_row_could_not_be_read_is_refused_in_the_ledger(tmp_path, store, row, code):
    folder = deliver(tmp_path, A=row)
    for layer in ("raw_bars", "bars"):
        run(store, folder, layer, SESSIONS)
    assert ledger(store) == [("A", dt.date.fromisoformat(FIFTH), 1, "refused", code)]


@pytest.mark.slow
def test_a_session_of_which_no_row_could_be_read_is_no_outage(tmp_path, store):
    folder = deliver(tmp_path, A=f"A,{FIFTH},,11,9,10,104", B=f"B,{FIFTH},,11,9,10,104")
    for layer in ("raw_bars", "bars"):
        run(store, folder, layer, SESSIONS)
    day = dt.date.fromisoformat(FIFTH)
    assert ledger(store) == [(symbol, day, 1, "refused", "value_missing") for symbol in ("A", "B")]
    whole = store.read("here/bars.gaps")
    for key in SESSIONS:  # each by itself says the same
        run(store, folder, "bars", [key])
    assert_frame_equal(store.read("here/bars.gaps"), whole)


def test_a_row_of_an_unknown_symbol_or_time_says_nothing_of_a_bar(tmp_path, store):
    folder = deliver(tmp_path, A=f"C,{FIFTH},,11,9,10,104", B=f"B,{FIFTH}x,,11,9,10,104")
    run(store, folder, "raw_bars", SESSIONS)
    assert store.catalogue.current("here/raw_bars.unread") == {}


@pytest.mark.slow
def test_bars_follow_what_could_not_be_read(tmp_path, store):
    """Not one raw bar changes: the ledger is computed again, of each partition that looks back on the row."""
    folder = deliver(tmp_path, A="")
    for layer in ("raw_bars", "bars"):
        run(store, folder, layer, SESSIONS)
    day = dt.date.fromisoformat(FIFTH)
    assert ledger(store) == [("A", day, 1, "late", None)]
    for text, code in ((",11,9,10,104", "value_missing"), ("x,11,9,10,104", "number_unreadable"), (None, None)):
        more = folder / "more.csv"
        more.write_text(f"Symbol,Date,Open,High,Low,Close,Volume\nA,{FIFTH},{text}\n") if text else more.unlink()
        run(store, folder, "raw_bars", SESSIONS)
        assert stale(store, folder, "bars") == SESSIONS[4:]
        run(store, folder, "bars", SESSIONS)
        assert stale(store, folder, "bars") == []
        assert ledger(store) == [("A", day, 1, "refused" if code else "late", code)]

import datetime as dt
import importlib

import pytest

from tests.markets.building import MINUTES
from tradepipe.contracts import QUARANTINE, RAW_BARS
from tradepipe.ingest import raw_bars, scan

HEADER = "Symbol,Date,Open,High,Low,Close,Volume"
GOOD = "SPX,2018-12-31,1,3,0.5,2,100"


def deliver(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return scan(folder, "*.csv")


def test_no_files_give_no_rows(market):
    raw = raw_bars([], market())
    assert raw.rows.columns == [*RAW_BARS.column_names, "partition"]
    assert raw.rows.is_empty()
    assert raw.refused.schema == QUARANTINE.polars_schema
    assert raw.landing_files_of("2018-12") == []


def test_a_partitions_files_are_those_with_any_row_of_it(tmp_path, market):
    files = deliver(
        tmp_path,
        a=f"{HEADER}\n{GOOD}\n",
        b=f"{HEADER}\nSPX,2018-11-30,1,3,0.5,2,100\n",
        c=f"{HEADER}\nSPX,2018-12-28,1,3,0.5,x,100\n",
        d=f"{HEADER}\nSPX,2018-11-30,1,3,0.5,2,100\n{GOOD}\n",
        e="",
    )
    hashes = {file.name: file.sha256 for file in files}
    raw = raw_bars(files, market())
    assert raw.landing_files_of("2018-12") == [(name, hashes[name]) for name in ("a.csv", "c.csv", "d.csv")]
    assert raw.landing_files_of("2018-11") == [(name, hashes[name]) for name in ("b.csv", "d.csv")]


def test_the_same_bar_from_two_files_stays_twice(tmp_path, market):
    raw = raw_bars(deliver(tmp_path, a=f"{HEADER}\n{GOOD}\n", b=f"{HEADER}\n{GOOD}\n{GOOD}\n"), market())
    assert raw.rows.select("file", "line").rows() == [("a.csv", 2), ("b.csv", 2), ("b.csv", 3)]
    assert raw.refused.is_empty()


def test_small_batches_give_the_same(tmp_path, market, monkeypatch):
    header = f"{HEADER}\n"
    files = deliver(tmp_path, a=f"{header}{GOOD}\n", b=f"{header}bad\n", c=f"{header}IXIC,2018-12-31,1,3,0.5,2,1\n")
    whole = raw_bars(files, market())
    module = importlib.import_module("tradepipe.ingest.raw_bars")  # the package's name is the function's
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    parts = raw_bars(files, market())
    assert parts.rows.equals(whole.rows)
    assert parts.refused.equals(whole.refused)


def test_the_order_of_files_does_not_matter(tmp_path, market):
    files = deliver(tmp_path, a=f"{HEADER}\n{GOOD}\nbad\n", b=f"{HEADER}\n{GOOD}\nSPX,?,1,1,1,1,1\n")
    forth, back = raw_bars(files, market()), raw_bars(files[::-1], market())
    assert forth.rows.equals(back.rows)
    assert forth.refused.equals(back.refused)


def test_a_row_is_never_known_before_its_bar_closed(tmp_path, market):
    day = dt.date(2018, 3, 11)
    minutes = market(symbols=["A"], publication_delay=dt.timedelta(seconds=5), **MINUTES)
    grid = minutes.calendar.grid(day, day, "1m")
    rows = [f"A,{stamp:%Y-%m-%dT%H:%M:%SZ},1,1,1,1,1" for stamp in grid["open_time"]]
    raw = raw_bars(deliver(tmp_path, day="\n".join([HEADER, *rows])), minutes)
    assert raw.rows.height == 1440
    assert ((raw.rows["known_at"] - grid["close_time"]) == dt.timedelta(seconds=5)).all()


def test_configuration_that_cannot_be_used_stops_the_market(tmp_path, market):
    files = deliver(tmp_path, a=f"{HEADER}\n{GOOD}\n")
    with pytest.raises(ValueError, match="nowhere"):
        raw_bars(files, market(universe="nowhere"))
    with pytest.raises(ValueError, match="XNYX"):
        raw_bars(files, market(calendar="XNYX"))

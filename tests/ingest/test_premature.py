"""A row that arrived before its bar closed is no bar: a mistyped future date, or a bar still under way."""

import datetime as dt
from dataclasses import replace

from tradepipe.contracts import QUARANTINE, validate
from tradepipe.ingest import raw_bars, scan

HEADER = "Symbol,Date,Open,High,Low,Close,Volume"
CLOSE = dt.datetime(2018, 12, 31, 21, tzinfo=dt.UTC)  # 16:00 in New York


def read(folder, arrived_at, market, **changes):
    folder.joinpath("a.csv").write_text(f"{HEADER}\nSPX,2018-12-28,1,3,0.5,2,100\nSPX,2018-12-31,1,3,0.5,2,100\n")
    files = [replace(file, arrived_at=arrived_at) for file in scan(folder, "*.csv")]
    return raw_bars(files, market(**changes))


def test_a_bar_under_way_is_refused_and_the_others_stay(tmp_path, market):
    raw = read(tmp_path, CLOSE - dt.timedelta(seconds=1), market)
    assert raw.rows["line"].to_list() == [2]
    assert raw.refused.select("line", "symbol", "reason", "partition").rows() == [
        (3, "SPX", "bar_not_closed", "2018-12")
    ]
    assert "2018-12-31" in raw.refused.item(0, "row")
    assert raw.unread.select("symbol", "line").rows() == [("SPX", 3)]
    validate(raw.refused, QUARANTINE, market="m", layer="raw_bars", partition="-")


def test_a_bar_that_closed_as_the_file_arrived_is_one(tmp_path, market):
    assert read(tmp_path, CLOSE, market).rows["line"].to_list() == [2, 3]


def test_a_file_whose_arrival_is_unknown_is_taken_at_its_word(tmp_path, market):
    assert read(tmp_path, None, market).rows.height == 2


def test_it_holds_for_deliveries_that_count_from_their_arrival(tmp_path, market):
    early = dt.datetime(2018, 12, 31, 12, tzinfo=dt.UTC)
    source = {"pattern": "*.csv", "symbol_column": "Symbol", "delivered": {"by": "arrival"}}
    assert read(tmp_path, early, market, source=source).refused["reason"].to_list() == ["bar_not_closed"]
    arrived = CLOSE + dt.timedelta(days=3)
    late = read(tmp_path, arrived, market, source=source)
    assert late.refused.is_empty()
    assert late.rows["known_at"].unique().to_list() == [arrived]

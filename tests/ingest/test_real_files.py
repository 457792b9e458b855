"""Real deliveries with real faults. They are kept beside the checkout; without them these tests are skipped."""

import datetime as dt
import gzip
import shutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.contracts import QUARANTINE, RAW_BARS, validate
from tradepipe.ingest import raw_bars, scan
from tradepipe.settings.sources import FileSource

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
LOWER = {name: name for name in ("open", "high", "low", "close", "volume")}
YAHOO = "%Y-%m-%d %H:%M:%S%z"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real deliveries is not beside the checkout")


def content_lines(path):
    """Line numbers that are neither blank nor the header."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    numbers = [number for number, text in enumerate(raw.decode().split("\n"), start=1) if text.strip()]
    return numbers[1:]


def check_nothing_is_lost(files, raw):
    expected = {(file.name, line) for file in files for line in content_lines(file.path)}
    found = [
        *raw.rows.select("file", "line").rows(),
        *raw.refused.filter(pl.col("line") > 0).select("file", "line").rows(),
    ]
    assert len(found) == len(set(found))
    assert set(found) == expected
    validate(RAW_BARS.arrange(raw.rows), RAW_BARS, market="real", layer="raw_bars", partition="-")
    validate(raw.refused, QUARANTINE, market="real", layer="raw_bars", partition="-")


def symbols_in(files, column):
    frames = [
        pl.read_csv(file.path, columns=[column], infer_schema=False) for file in files if content_lines(file.path)
    ]
    return sorted(set(pl.concat(frames)[column].drop_nulls()) - {column})


@pytest.fixture(scope="module")
def drops():
    """April 2015: one file a day with about 6,000 symbols and two sessions, so files overlap."""
    files = scan(DATA / "equities" / "pystock_drops", "201504*_prices.csv.gz")
    market = build_market(
        symbols=symbols_in(files, "symbol"),
        start=dt.date(2015, 1, 1),
        end=dt.date(2015, 12, 31),
        source=FileSource(pattern="*.csv.gz", symbol_column="symbol", time_column="date", columns=LOWER),
    )
    return files, market, raw_bars(files, market)


@pytest.mark.slow
def test_vendor_drops_lose_no_line(drops):
    files, _market, raw = drops
    check_nothing_is_lost(files, raw)
    assert raw.rows.height > 150_000
    counts = Counter(raw.refused.filter(pl.col("file").str.starts_with("20150406"))["reason"])
    assert counts["header_repeated"] == 1  # the delivery repeats its content, header and all
    assert counts["not_a_session"] == 68  # Good Friday, 2015-04-03
    assert set(counts) <= {"header_repeated", "not_a_session", "value_missing"}


@pytest.mark.slow
def test_a_delivery_that_repeats_itself_gives_each_bar_once(drops):
    _files, market, raw = drops
    delivery = raw.rows.filter(pl.col("file").str.starts_with("20150406"))
    cleaned = clean_bars(delivery, market)
    assert cleaned.bars.height + cleaned.refused.height == delivery.height
    assert not cleaned.bars.select("symbol", "open_time").is_duplicated().any()
    counts = Counter(cleaned.refused["reason"])
    repeated = counts["duplicate_row"] + counts["superseded_row"]
    # 24,170 repeated keys were counted in the file; rows refused for other reasons are among them.
    assert 24_000 < repeated <= 24_170
    assert counts["superseded_row"] > 0


@pytest.mark.slow
def test_overlapping_deliveries_are_settled_for_the_last(drops):
    _files, market, raw = drops
    cleaned = clean_bars(raw.rows, market)
    # Without a time of delivery all words of a bar count as known at once: the last speaks, the others never did.
    assert cleaned.history.is_empty()
    refused = cleaned.refused.select("file", "line")
    kept = raw.rows.join(refused, on=["file", "line"], how="anti")
    assert cleaned.bars.height == kept.select("symbol", "open_time").n_unique()
    # Symbol CUI was delivered with zero prices that spring.
    assert "CUI" in set(cleaned.refused.filter(pl.col("reason") == "price_not_positive")["symbol"])
    codes = set(cleaned.gaps.filter(pl.col("reason") == "refused")["detail"])
    assert codes <= set(cleaned.refused["reason"])


def test_an_empty_delivery_is_noticed():
    (file,) = scan(DATA / "equities" / "pystock_drops", "20150610_prices.csv.gz")
    raw = raw_bars([file], build_market())
    assert raw.refused.select("line", "reason").rows() == [(0, "file_empty")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "time_column"),
    [("DEX-AX-1d-bad-stock-split", "Date"), ("AET-L-1d-100x-error", "Date"), ("4063-T-1d-bad-div", "Datetime")],
)
def test_yahoo_as_served_loses_no_line(name, time_column):
    files = scan(DATA / "dirty" / "yfinance", f"{name}.csv")
    calendars = {"AX": "XASX", "L": "XLON", "T": "XTKS"}
    market = build_market(
        symbols=[name],
        calendar=calendars[name.split("-")[1]],
        start=dt.date(2020, 1, 1),
        end=dt.date(2025, 12, 31),
        source=FileSource(pattern="*.csv", time_column=time_column, time_format=YAHOO),
    )
    raw = raw_bars(files, market)
    check_nothing_is_lost(files, raw)
    assert raw.refused.is_empty()
    cleaned = clean_bars(raw.rows, market)
    assert cleaned.bars.height + cleaned.refused.height == raw.rows.height


@pytest.mark.parametrize(("name", "code"), [("ASAI-L-1h-bad-unit", "XLON"), ("EA-15m-no-bad-divs", "XNYS")])
def test_yahoo_intraday_loses_no_line(name, code):
    files = scan(DATA / "dirty" / "yfinance", f"{name}.csv")
    market = build_market(
        symbols=[name],
        calendar=code,
        interval="1h" if "1h" in name else "15m",
        partition="session",
        start=dt.date(2020, 1, 1),
        end=dt.date(2027, 12, 31),
        source=FileSource(pattern="*.csv", time_column="Datetime", time_format=YAHOO),
    )
    raw = raw_bars(files, market)
    check_nothing_is_lost(files, raw)
    assert set(raw.refused["reason"]) <= {"not_on_grid"}  # trades before the open and after the close
    assert raw.rows.height > 0


@pytest.mark.slow
def test_five_years_of_the_sp500_lose_no_line(tmp_path):
    shutil.copy(DATA / "equities" / "sp500_5yr" / "all_stocks_5yr.csv.gz", tmp_path)
    files = scan(tmp_path, "*.csv.gz")
    market = build_market(
        symbols=symbols_in(files, "Name"),
        source=FileSource(pattern="*.csv.gz", symbol_column="Name", time_column="date", columns=LOWER),
    )
    raw = raw_bars(files, market)
    check_nothing_is_lost(files, raw)
    assert raw.rows.height + raw.refused.height == 619_040
    assert set(raw.refused["reason"]) == {"value_missing"}  # 11 rows without an open, e.g. DHR 2015-07-17
    cleaned = clean_bars(raw.rows, market)
    assert cleaned.bars.height + cleaned.refused.height == raw.rows.height

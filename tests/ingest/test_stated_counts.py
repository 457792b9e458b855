"""Every shared source loads with the counts that its README states: rows, duplicates, gaps, violations."""

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.contracts import BARS, QUARANTINE, RAW_BARS, validate
from tradepipe.ingest import raw_bars, scan
from tradepipe.settings.sources import FileSource

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NUMBERS = ("open", "high", "low", "close", "volume")
LOWER = {name: name for name in NUMBERS}
YAHOO = {name: name.capitalize() for name in NUMBERS}
BY_NAME = "^(.+?)-"
AROUND_THE_CLOCK = {
    "calendar": "24/7",
    "partition": "session",
    "start": dt.date(2017, 1, 1),
    "end": dt.date(2026, 12, 31),
}

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real deliveries is not beside the checkout")


@dataclass(frozen=True)
class Source:
    """A folder of the shared data, and the market that reads it."""

    folder: str
    pattern: str
    reading: dict
    market: dict
    files: int
    rows: int


def frozen(interval):
    return {"time_column": "date", "columns": LOWER, "symbol_pattern": BY_NAME}, AROUND_THE_CLOCK | {
        "interval": interval
    }


SOURCES = [
    Source(
        "equities/yahoo_daily",
        "*.csv.gz",
        {
            "time_column": "timestamp",
            "columns": YAHOO | {"close": "close_price", "adjusted_close": "Adj Close"},
        },
        {"end": dt.date(2024, 12, 31)},
        files=18,
        rows=67_568,
    ),
    Source(
        "equities/sp500_5yr",
        "by_symbol/*_data.csv",
        {"time_column": "date", "columns": LOWER, "symbol_pattern": "^(.+)_data"},
        {},
        files=34,
        rows=39_392,
    ),
    Source("crypto/binance_usdm", "*-1m-futures.feather", *frozen("1m"), files=5, rows=232_988),
    Source("crypto/binance_usdm", "*-5m-futures.feather", *frozen("5m"), files=8, rows=80_447),
    Source("crypto/binance_usdm", "*-1h-futures.feather", *frozen("1h"), files=9, rows=6_471),
    Source("crypto/binance_usdm", "*-1d-futures.feather", *frozen("1d"), files=11, rows=319),
    Source("crypto/binance_1h_long", "*_USDT-1h.feather", *frozen("1h"), files=2, rows=146_528),
    Source("crypto/binance_1h_long", "*-1h-futures.feather", *frozen("1h"), files=2, rows=115_336),
    Source("crypto/freqtrade_testdata", "*-5m.feather", *frozen("5m"), files=5, rows=23_698),
    Source("crypto/freqtrade_testdata", "*-1m.feather", *frozen("1m"), files=1, rows=2_469),
    Source("crypto/freqtrade_testdata", "*-1h-futures.feather", *frozen("1h"), files=1, rows=100),
    Source("crypto/freqtrade_testdata", "*-1h-mark.feather", *frozen("1h"), files=1, rows=100),
    Source(
        "crypto/freqtrade_testdata",
        "UNITTEST_BTC-1m.json.gz",
        {
            "time_column": "t",
            "time_format": "epoch_ms",
            "header": tuple("tohlcv"),
            "columns": dict(zip(NUMBERS, "ohlcv", strict=True)),
            "symbol_pattern": BY_NAME,
        },
        AROUND_THE_CLOCK | {"interval": "1m"},
        files=1,
        rows=13_681,
    ),
    Source(
        "equities/lean_usa",
        "daily/*.zip",
        {
            "time_column": "t",
            "time_format": "%Y%m%d %H:%M",
            "header": tuple("tohlcv"),
            "columns": dict(zip(NUMBERS, "ohlcv", strict=True)),
            "price_scale": 0.0001,
        },
        {"start": dt.date(1998, 1, 1), "end": dt.date(2021, 3, 31)},
        files=19,
        rows=70_015,
    ),
]


def stated(folder):
    """file -> the cells of its row in the README's table, by column."""
    found, names = {}, []
    for line in (DATA / folder / "README.md").read_text().splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
        if line.startswith("| file |"):
            names = cells
        elif line.startswith("| `"):
            found[cells[0]] = dict(zip(names, cells, strict=True))
    return found


def load(source):
    files = scan(DATA / source.folder, source.pattern)
    reading = FileSource(pattern=source.pattern, **source.reading)
    if reading.symbol_pattern:
        symbols = {re.search(reading.symbol_pattern, Path(file.name).name).group(1) for file in files}
    else:
        symbols = {file.stem for file in files}
    market = build_market(symbols=sorted(symbols), source=reading, **source.market)
    return files, market, raw_bars(files, market)


def numbers_of(raw, reading):
    """file, symbol, open_time and the numbers of every row, kept or refused: null where nothing was written."""
    kept = raw.rows.select("file", "symbol", "session", "open_time", *NUMBERS)
    refused = raw.refused.filter(pl.col("line") > 0)
    read = [
        pl.col("row").str.json_path_match(f"$.{reading.columns[name]}").cast(pl.Float64, strict=False).alias(name)
        for name in NUMBERS
    ]
    return pl.concat([kept, refused.select("file", "symbol", *read)], how="diagonal")


def missing_bars(rows, market):
    """Bars that the calendar expects between a file's first and last row of a symbol, and that no row is."""
    grid = market.calendar.grid(*market.dates, market.settings.interval)["open_time"]
    spans = rows.group_by("file", "symbol").agg(
        first=pl.min("open_time"), last=pl.max("open_time"), present=pl.col("open_time").n_unique()
    )
    expected = grid.search_sorted(spans["last"]).cast(pl.Int64) - grid.search_sorted(spans["first"]).cast(pl.Int64) + 1
    return dict(zip(spans["file"], expected - spans["present"].cast(pl.Int64), strict=True))


def counted(rows, file, missing):
    """The defects of one file in the README's words."""
    here = rows.filter(pl.col("file") == file)
    body = here.select(top=pl.max_horizontal("open", "close"), bottom=pl.min_horizontal("open", "close"))
    top, bottom = body["top"], body["bottom"]
    found = {
        "missing sessions/bars": missing,
        **{f"empty {name}": here[name].null_count() for name in NUMBERS},
        "x high<low": (here["high"] < here["low"]).sum(),
        "x high<max(o,c)": (here["high"] < top).sum(),
        "x low>min(o,c)": (here["low"] > bottom).sum(),
        "zero-volume rows": (here["volume"] == 0).sum(),
    }
    return {name: int(count) for name, count in found.items() if count}


def said_defects(text):
    """`1 x high<low; 4 zero-volume rows` as a dictionary; what follows in brackets only says where."""
    parts = [
        re.fullmatch(r"(\d+) (.+?)(?: \(.*)?", part.strip())
        for part in re.sub(r"\((?!o,c)[^)]*\)", "", text).split(";")
    ]
    return {part.group(2).strip(): int(part.group(1)) for part in parts if part}


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: f"{source.folder}/{source.pattern}")
def test_rows_gaps_and_violations_are_those_stated(source):
    files, market, raw = load(source)
    assert (len(files), raw.rows.height + raw.refused.height) == (source.files, source.rows)
    readme = stated(source.folder)
    rows = numbers_of(raw, market.settings.source)
    placed = pl.concat([raw.rows.select("file", "symbol", "open_time"), _times_of_refused(raw, market)])
    missing = missing_bars(placed, market)
    per_file = dict(rows.group_by("file").len().rows())
    for file in files:
        row = readme[file.name]
        assert per_file[file.name] == int(row["rows"]), file.name
        assert counted(rows, file.name, missing[file.name]) == said_defects(row["defects seen when checked"]), file.name
    assert (
        not rows.filter(pl.col("open_time").is_not_null()).select("file", "symbol", "open_time").is_duplicated().any()
    )
    validate(RAW_BARS.arrange(raw.rows), RAW_BARS, market="real", layer="raw_bars", partition="-")
    validate(raw.refused, QUARANTINE, market="real", layer="raw_bars", partition="-")


def _times_of_refused(raw, market):
    """Open times of refused rows: a row without an open price is not a missing session."""
    column, daily = market.settings.source.time_column, market.settings.interval == "1d"
    text = raw.refused.filter(pl.col("line") > 0).select(
        "file", "symbol", time=pl.col("row").str.json_path_match(f"$.{column}")
    )
    if not daily:
        return text.with_columns(
            open_time=pl.col("time")
            .str.head(19)
            .str.to_datetime(strict=False, time_unit="us")
            .dt.replace_time_zone("UTC")
        ).drop("time")
    bounds = market.calendar.bounds(*market.dates).select("session", "open_time")
    return (
        text.with_columns(session=pl.col("time").str.to_date("%Y-%m-%d"))
        .join(bounds, on="session")
        .select("file", "symbol", "open_time")
    )


def test_funding_files_are_no_bars_and_say_so():
    """Their times have the exchange's jitter; a market of 8h bars there is not, so no row may pass."""
    source, market = frozen("4h")
    files = scan(DATA / "crypto" / "binance_usdm", "*-8h-funding_rate.feather")
    symbols = [file.stem.split("-")[0] for file in files]
    raw = raw_bars(files, build_market(symbols=symbols, source=FileSource(pattern="*", **source), **market))
    readme = stated("crypto/binance_usdm")
    for file in files:
        here = pl.col("file") == file.name
        off_hour = int(re.search(r"off the exact hour: (\d+)", readme[file.name]["defects seen when checked"]).group(1))
        assert raw.refused.filter(here)["reason"].to_list() == ["not_on_grid"] * off_hour
        assert raw.rows.filter(here).height == int(readme[file.name]["rows"]) - off_hour


@pytest.mark.slow
def test_the_505_stocks_load_as_stated():
    """619,040 rows, 11 without an open, 12 broken, 51 sessions missing, 4 zero volumes: the README's own prose."""
    files = scan(DATA / "equities" / "sp500_5yr", "all_stocks_5yr.csv.gz")
    symbols = sorted(pl.read_csv(files[0].path, columns=["Name"])["Name"].unique())
    assert len(symbols) == 505
    reading = FileSource(pattern="*.gz", symbol_column="Name", time_column="date", columns=LOWER)
    market = build_market(symbols=symbols, source=reading)
    raw = raw_bars(files, market)
    rows = numbers_of(raw, reading)
    assert rows.height == 619_040
    assert Counter(raw.refused["reason"]) == {"value_missing": 11}
    missing = missing_bars(
        pl.concat([raw.rows.select("file", "symbol", "open_time"), _times_of_refused(raw, market)]).with_columns(
            file=pl.col("symbol")
        ),
        market,
    )
    assert {symbol: count for symbol, count in missing.items() if count} == {
        "DHR": 16, "O": 16, "ES": 10, "ICE": 5, "BMY": 2, "ORCL": 2,
    }  # fmt: skip
    said = said_defects(stated("equities/sp500_5yr")["all_stocks_5yr.csv.gz"]["defects seen when checked"])
    assert counted(rows, files[0].name, sum(missing.values())) == said
    cleaned = clean_bars(raw.rows, market)
    assert cleaned.bars.height + cleaned.refused.height == raw.rows.height
    broken = {"high_below_low", "high_below_open_or_close", "low_above_open_or_close"}
    assert cleaned.refused.filter(pl.col("reason").is_in(broken)).height == 12


@pytest.mark.slow
def test_every_drop_loads_as_stated():
    """26 deliveries of about 6,000 symbols each: rows, repeated keys, days without a session, prices at zero."""
    files = scan(DATA / "equities" / "pystock_drops", "*_prices.csv.gz")
    assert len(files) == 26
    texts = [pl.read_csv(file.path, columns=["symbol"], infer_schema=False) for file in files if file.size > 100]
    symbols = sorted(set(pl.concat(texts)["symbol"].drop_nulls()) - {"symbol"})
    reading = FileSource(
        pattern="*.csv.gz",
        symbol_column="symbol",
        time_column="date",
        columns=LOWER | {"adjusted_close": "adj_close"},
        delivered={"by": "file_name", "pattern": r"^(\d{8})_", "time": dt.time(20, 0)},
    )
    market = build_market(symbols=symbols, source=reading, start=dt.date(2015, 1, 1), end=dt.date(2015, 12, 31))
    raw = raw_bars(files, market)
    readme = stated("equities/pystock_drops")
    rows = numbers_of(raw, reading)
    for file in files:
        here = pl.col("file") == file.name
        kept, refused = raw.rows.filter(here), raw.refused.filter(here)
        reasons = Counter(refused["reason"])
        said = said_defects(readme[file.name]["defects seen when checked"])
        if file.name.startswith("20150610"):
            assert reasons == {"file_empty": 1}
            continue
        headers = reasons.pop("header_repeated", 0)
        assert headers == said.get("header line repeated inside the data", 0)
        assert kept.height + reasons.total() == int(readme[file.name]["rows"])
        assert reasons["not_a_session"] == said.get("rows outside the calendar/grid", 0)
        assert kept["delivered_at"].unique().to_list() == [
            dt.datetime.strptime(file.name[:8], "%Y%m%d").replace(tzinfo=dt.UTC) + dt.timedelta(days=1)
        ]  # eight in the evening in New York, in summer
        numbers = rows.filter(here)
        assert numbers.filter(pl.min_horizontal(*NUMBERS[:4]) <= 0).height == said.get("rows with price <= 0", 0)
        assert numbers.filter(pl.col("volume") == 0).height == said["zero-volume rows"]
        twice = kept.height - kept.select("symbol", "session").n_unique()
        if said.get("duplicate keys"):
            # Rows refused as on no session, or for a missing value, repeat too.
            again = refused.filter(pl.col("reason") != "header_repeated")
            twice += again.height - again.select("symbol", pl.col("row").str.json_path_match("$.date")).n_unique()
        assert twice == said.get("duplicate keys", 0)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((DATA / "dirty" / "yfinance").glob("*.csv")), ids=lambda path: path.stem)
def test_yahoo_as_served_is_a_bar_or_in_quarantine(path):
    """Offsets change within a file, several are newest first, one has weeks, one bars before the open."""
    calendars = {"AX": "XASX", "L": "XLON", "T": "XTKS", "DE": "XFRA", "PA": "XPAR", "JO": "XJSE", "ST": "XSTO"}
    length, place = re.search(r"-(1d|1wk|1h|15m)-", path.name).group(1), path.name.split("-")[1]
    reading = FileSource(
        pattern="*.csv",
        time_column=path.read_text().split(",")[0],
        time_format="%Y-%m-%d %H:%M:%S%z",
        columns=YAHOO | {"adjusted_close": "Adj Close"},
    )
    market = build_market(
        symbols=[path.stem],
        source=reading,
        calendar=calendars.get(place, "XNYS"),
        interval={"1wk": "1d"}.get(length, length),
        partition="month" if length in {"1d", "1wk"} else "session",
        start=dt.date(2020, 1, 1),
        end=dt.date(2027, 12, 31),
    )
    files = scan(path.parent, path.name)
    raw = raw_bars(files, market)
    row = stated("dirty/yfinance")[path.name]
    lines = sorted([*raw.rows["line"], *raw.refused["line"]])
    assert lines == list(range(2, int(row["rows"]) + 2))
    # Twelve of the 84 weeks start on a bank holiday; 143 quarters of an hour lie before the open or after the close.
    off = {"1wk": {"not_a_session": 12}, "15m": {"not_on_grid": 143}}.get(length, {})
    assert Counter(raw.refused["reason"]) == off
    newest_first = raw.rows.sort("line")["open_time"].is_sorted(descending=True)
    assert newest_first == ("newest first" in row["defects seen when checked"])
    cleaned = clean_bars(raw.rows, market)
    assert cleaned.bars.height + cleaned.refused.height == raw.rows.height
    validate(BARS.arrange(cleaned.bars), BARS, market="real", layer="bars", partition="-")

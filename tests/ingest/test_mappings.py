"""Every key of a file source, on files small enough to see."""

import datetime as dt
import gzip
import io
import json
import zipfile

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.markets.building import build_market
from tradepipe.contracts import QUARANTINE, RAW_BARS, validate
from tradepipe.ingest import LandingFile, SourceError, raw_bars, read_files, scan
from tradepipe.settings.sources import FileSource

HEADER = "Symbol,Date,Open,High,Low,Close,Volume"
NUMBERS = "1,3,0.5,2,100"
COLUMNS = {name: name.capitalize() for name in ("open", "high", "low", "close", "volume")}
INTRADAY = {"interval": "1h", "partition": "session"}


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.fixture
def load(tmp_path):
    """`load(content, name, source settings, **market)`: what one delivery says; both ways of reading agree on it."""

    def read(content, name="delivery.csv", arrived_at=None, symbols=("SPX", "IXIC"), source=None, **market):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        files = [
            LandingFile(file.name, file.path, file.size, file.sha256, arrived_at)
            for file in scan(tmp_path, "**/*")
            if file.name == name
        ]
        reading = FileSource(pattern="*", **(source or {"symbol_column": "Symbol"}))
        here = build_market(symbols=list(symbols), source=reading, **market)
        raw = raw_bars(files, here)
        exact = read_files(files, reading, here, exact=True)
        assert_frame_equal(raw.rows, exact.rows)
        assert_frame_equal(raw.refused, exact.refused)
        validate(RAW_BARS.arrange(raw.rows), RAW_BARS, market="here", layer="raw_bars", partition="-")
        validate(raw.refused, QUARANTINE, market="here", layer="raw_bars", partition="-")
        return raw

    return read


def refusals(raw):
    return dict(raw.refused.select("line", "reason").rows())


def test_symbols_are_translated_and_what_has_no_translation_is_listed_itself(load):
    source = {"symbol_column": "Symbol", "symbols": {"^GSPC": "SPX", "SPX": "IXIC"}}
    text = "\n".join(f"{word},2018-12-31,{NUMBERS}" for word in ("^GSPC", "SPX", "IXIC", "DAX"))
    raw = load(f"{HEADER}\n{text}\n", source=source)
    assert dict(raw.rows.select("line", "symbol").rows()) == {2: "SPX", 3: "IXIC", 4: "IXIC"}
    assert refusals(raw) == {5: "unknown_symbol"}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("2018/SPX_data.csv", "^(.+)_data"), ("SPX/2018.csv", r"^(\w+)/"), ("a/b-SPX.csv", r"-(\w+)\.")],
)
def test_the_symbol_is_found_in_the_name_or_the_path(load, name, pattern):
    text = f"Date,Open,High,Low,Close,Volume\n2018-12-31,{NUMBERS}\n"
    assert load(text, name, source={"symbol_pattern": pattern}).rows["symbol"].to_list() == ["SPX"]


def test_a_name_that_does_not_fit_refuses_the_file(load):
    raw = load(f"Date,Open,High,Low,Close,Volume\n2018-12-31,{NUMBERS}\n", source={"symbol_pattern": "^(.+)_data"})
    assert refusals(raw) == {0: "symbol_missing"}
    assert "symbol_pattern ^(.+)_data" in raw.refused["detail"].item()


def test_a_file_without_a_header_starts_with_line_one(load):
    source = {"symbol_column": "Symbol", "header": tuple(HEADER.split(","))}
    raw = load(f"SPX,2018-12-31,{NUMBERS}\n{HEADER}\nSPX,2018-12-28,{NUMBERS},7\n", source=source)
    assert raw.rows["line"].to_list() == [1]
    assert refusals(raw) == {2: "header_repeated", 3: "ragged_row"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("epoch_s", "1530624600"),
        ("epoch_ms", "1530624600000"),
        ("epoch_ms", "1.5306246e12"),
        ("%Y-%m-%d %H:%M:%S%z", "2018-07-03 09:30:00-04:00"),
        ("%Y-%m-%d %H:%M:%S%z", "2018-07-03 15:30:00+0200"),
        ("%Y-%m-%d %H:%M:%S%z", "2018-07-03 13:30:00Z"),
    ],
)
def test_times_with_a_zone_of_their_own(load, time_format, text):
    source = {"symbol_column": "Symbol", "time_format": time_format, "time_zone": "UTC"}
    raw = load(f"{HEADER}\nSPX,{text},{NUMBERS}\n", source=source, **INTRADAY)
    assert raw.rows["open_time"].to_list() == [utc(2018, 7, 3, 13, 30)]


def test_offsets_mixed_in_one_file_and_none_at_all(load):
    source = {"symbol_column": "Symbol", "time_format": "%Y-%m-%d %H:%M:%S%z", "time_zone": "market"}
    stamps = [
        "2018-03-09 09:30:00-05:00",
        "2018-03-12 09:30:00-04:00",
        "2018-03-13 09:30:00",
        "2018-03-14 13:30:00Z",
        "x",
    ]
    text = "\n".join(f"SPX,{stamp},{NUMBERS}" for stamp in stamps)
    raw = load(f"{HEADER}\n{text}\n", source=source, **INTRADAY)
    assert raw.rows["open_time"].to_list() == [
        utc(2018, 3, 9, 14, 30),
        *(utc(2018, 3, day, 13, 30) for day in (12, 13, 14)),
    ]
    assert refusals(raw) == {6: "time_unreadable"}


def test_local_times_follow_the_markets_clocks_and_never_guess(load):
    source = {"symbol_column": "Symbol", "time_format": "%Y-%m-%d %H:%M", "time_zone": "America/New_York"}
    stamps = ["2018-03-10 12:00", "2018-03-11 12:00", "2018-03-11 02:00", "2018-11-04 01:00"]
    text = "\n".join(f"SPX,{stamp},{NUMBERS}" for stamp in stamps)
    raw = load(f"{HEADER}\n{text}\n", source=source, calendar="24/7", **INTRADAY)
    assert raw.rows["open_time"].to_list() == [utc(2018, 3, 10, 17), utc(2018, 3, 11, 16)]
    assert refusals(raw) == {4: "time_unreadable", 5: "time_unreadable"}  # skipped in spring, twice in autumn


def test_a_number_of_a_daily_bar_is_a_date_in_the_zone(load):
    midnight_in_tokyo = 1_545_836_400  # 2018-12-26 15:00 UTC
    text = f"{HEADER}\nSPX,{midnight_in_tokyo},{NUMBERS}\n"
    source = {"symbol_column": "Symbol", "time_format": "epoch_s", "time_zone": "market"}
    assert load(text, source=source, calendar="XTKS").rows["session"].to_list() == [dt.date(2018, 12, 27)]


@pytest.mark.slow
@pytest.mark.parametrize("number", ["1e300", "-9e18", "99999999999999999999", "1.5", "nan", "inf", "0x10"])
def test_a_number_that_is_no_time_is_refused(load, number):
    source = {"symbol_column": "Symbol", "time_format": "epoch_s"}
    raw = load(f"{HEADER}\nSPX,{number},{NUMBERS}\n", source=source, **INTRADAY)
    assert refusals(raw)[2] in {"time_unreadable", "value_missing", "outside_market_dates"}


def test_prices_in_whole_numbers_become_the_nearest_price(load):
    source = {"symbol_column": "Symbol", "price_scale": 0.01, "columns": COLUMNS | {"adjusted_close": "Adj"}}
    raw = load(f"{HEADER},Adj\nSPX,2018-12-31,6821,6823,6819,6821,100,107\n", source=source)
    # 6821 * 0.01 is 68.21000000000001.
    assert raw.rows.select("open", "high", "low", "close", "volume", "adjusted_close").row(0) == (
        68.21, 68.23, 68.19, 68.21, 100.0, 1.07,
    )  # fmt: skip


def test_the_vendors_adjusted_close_may_be_missing_but_not_unreadable(load):
    source = {"symbol_column": "Symbol", "columns": COLUMNS | {"adjusted_close": "Adj"}}
    days = ("2018-12-31", "2018-12-28", "2018-12-27", "2018-12-26")
    text = "\n".join(f"SPX,{day},{NUMBERS},{word}" for day, word in zip(days, ("1.5", "", "null", "x"), strict=True))
    raw = load(f"{HEADER},Adj\n{text}\n", source=source)
    assert dict(raw.rows.select("line", "adjusted_close").rows()) == {2: 1.5, 3: None, 4: None}
    assert raw.refused.select("line", "reason", "detail").rows() == [(5, "number_unreadable", "adjusted_close: 'x'")]


def delivered(load, settings, **given):
    raw = load(
        f"{HEADER},Sent\nSPX,2018-12-28,{NUMBERS},{given.pop('sent', '')}\n",
        source={"symbol_column": "Symbol", "delivered": settings},
        **given,
    )
    return raw if raw.rows.is_empty() else raw.rows.select("delivered_at", "known_at").row(0)


CLOSED = utc(2018, 12, 28, 21, 30)  # at 21:00, half an hour before it can be known


def test_known_at_is_the_close_or_the_delivery_whichever_is_later(load):
    assert delivered(load, {}) == (None, CLOSED)
    late, early = utc(2019, 1, 3), utc(2018, 12, 28, 21, 1)
    assert delivered(load, {"by": "arrival"}, arrived_at=late) == (late, late)
    assert delivered(load, {"by": "arrival"}, arrived_at=early) == (early, CLOSED)
    assert delivered(load, {"by": "arrival"}) == (None, CLOSED)


def test_the_file_name_says_when_it_was_delivered(load):
    by_name = {"by": "file_name", "pattern": r"^(\d{8})_", "time": dt.time(20)}
    evening = utc(2018, 12, 31, 1)
    assert delivered(load, by_name, name="20181230_prices.csv") == (evening, evening)
    to_the_second = {"by": "file_name", "pattern": r"_(\d+)\.", "format": "%Y%m%d%H%M"}
    assert delivered(load, to_the_second, name="p_201812301015.csv")[0] == utc(2018, 12, 30, 15, 15)
    refused = delivered(load, by_name, name="prices.csv").refused
    assert refused.select("line", "reason").rows() == [(0, "delivery_unreadable")]
    refused = delivered(load, by_name, name="20189999_prices.csv").refused
    assert refused["reason"].to_list() == ["delivery_unreadable"]


def test_a_column_says_when_the_row_was_delivered(load):
    by_column = {"by": "column", "column": "Sent", "format": "%Y-%m-%d", "time": dt.time(6)}
    assert delivered(load, by_column, sent="2018-12-29")[0] == utc(2018, 12, 29, 11)
    stamped = by_column | {"format": "%Y-%m-%dT%H:%M:%S%z"}
    assert delivered(load, stamped, sent="2018-12-29T06:00:00+0100")[0] == utc(2018, 12, 29, 5)
    refused = delivered(load, by_column, sent="soon").refused
    assert refused.select("reason", "detail").rows() == [("delivery_unreadable", "Sent: soon, expected %Y-%m-%d")]


def frame(**changes):
    columns = {
        "Symbol": ["SPX", "IXIC", None, "SPX"],
        "Date": [dt.date(2018, 12, 31), dt.date(2018, 12, 28), dt.date(2018, 12, 31), dt.date(2018, 12, 30)],
        "Open": [1, 1, 1, 1],
        "High": [3.0, float("inf"), 3.0, 3.0],
        "Low": [0.5] * 4,
        "Close": ["2", "2", "2", "2"],
        "Volume": [None, 100, 100, 100],
    }
    return pl.DataFrame(columns | changes)


def written(table, kind):
    file = io.BytesIO()
    getattr(table, f"write_{kind}")(file)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "name"), [("parquet", "a.parquet"), ("ipc", "a.feather"), ("ipc", "a.arrow")])
def test_tables_are_judged_like_lines(load, kind, name):
    raw = load(written(frame(), kind), name)
    assert refusals(raw) == {2: "value_missing", 3: "number_unreadable", 4: "symbol_missing", 5: "not_a_session"}
    assert json.loads(raw.refused["row"][1])["Symbol"] == "IXIC"
    raw = load(written(frame(Symbol=["SPX"] * 4, High=[3.0] * 4, Volume=[1, 2, 3, 4]), kind), name)
    assert raw.rows.select("line", "session", "volume").rows() == [
        (3, dt.date(2018, 12, 28), 2.0),
        (2, dt.date(2018, 12, 31), 1.0),
        (4, dt.date(2018, 12, 31), 3.0),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "ipc"])
def test_tables_hold_times_of_any_type_and_whatever_is_no_value(load, kind):
    open_time = [utc(2018, 12, 31, 14, 30)] * 4
    name = f"a.{'parquet' if kind == 'parquet' else 'feather'}"
    for times in (
        pl.Series(open_time, dtype=pl.Datetime("ns", "UTC")),
        pl.Series(open_time, dtype=pl.Datetime("ms", "UTC")).dt.convert_time_zone("Asia/Tokyo"),
        pl.Series(open_time, dtype=pl.Datetime("us", "UTC")).dt.replace_time_zone(None),
    ):
        table = frame(Date=times, Symbol=["SPX"] * 4, High=[3.0] * 4, Volume=[1] * 4)
        raw = load(written(table, kind), name, **INTRADAY)
        assert raw.rows["open_time"].to_list() == open_time, times.dtype
    odd = frame(Symbol=["SPX"] * 4, Open=[[1]] * 4, High=[b"\x01"] * 4, Low=[{"a": 1}] * 4, Volume=[True] * 4)
    assert set(refusals(load(written(odd, kind), name)).values()) == {"number_unreadable", "not_a_session"}


def test_tables_that_are_not_whole_are_one_refused_row(load):
    whole = written(frame(), "parquet")
    for content, name, reason in (
        (whole[:-9], "a.parquet", "file_truncated"),
        (b"PAR1 no", "a.parquet", "file_truncated"),
        (b"", "a.parquet", "file_empty"),
        (written(frame(), "ipc")[:200], "a.feather", "file_truncated"),
        (written(frame().drop("Close"), "parquet"), "a.parquet", "column_missing"),
        (written(frame().clear(), "parquet"), "a.parquet", "no_rows"),
        (b"[[1, 2]]", "a.json", "file_truncated"),
        (b"[" * 100_000, "a.json", "file_truncated"),
    ):
        assert refusals(load(content, name)) == {0: reason}, name


def test_arrays_as_exchanges_answer(load):
    rows = [[1546266600000, "1", 3, 0.5, 2, "100"], [1546266600000, "1", 3, 0.5, None, True]]
    source = {
        "header": tuple("tohlcv"),
        "time_column": "t",
        "time_format": "epoch_ms",
        "columns": dict(zip(COLUMNS, "ohlcv", strict=True)),
    }
    content = gzip.compress(json.dumps(rows).encode())
    raw = load(content, "SPX.json.gz", source=source, **INTRADAY)
    assert raw.rows.select("line", "open_time", "open").rows() == [(2, utc(2018, 12, 31, 14, 30), 1.0)]
    assert refusals(raw) == {3: "value_missing"}


def zipped(*members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, member in enumerate(members):
            archive.writestr(f"{number}.csv", member)
    return file.getvalue()


def test_a_zip_holds_one_file(load):
    good = f"{HEADER}\nSPX,2018-12-31,{NUMBERS}\n"
    assert load(zipped(good), "a.zip").rows.height == 1
    assert refusals(load(zipped(good, good), "a.zip")) == {0: "unreadable"}
    assert refusals(load(zipped(good)[:-30], "a.zip")) == {0: "file_truncated"}


def test_a_line_that_the_blocks_cannot_take_stops_none_beside_it(load):
    lines = [f"SPX,2018-12-{day},{NUMBERS},a" for day in ("31", "28", "27", "26", "24")]
    lines[1] = f'SPX,2018-12-28,{NUMBERS},"b, ""c"""'
    lines[3] = "SPX,2018-12-26," + "1" * 300 + "," * 300
    raw = load(f"{HEADER},Note\n" + "\n".join(lines))
    assert raw.rows["line"].sort().to_list() == [2, 3, 4, 6]
    assert refusals(raw) == {5: "ragged_row"}


def test_a_format_that_cannot_say_the_time_is_refused_with_its_remedy(load):
    with pytest.raises(SourceError, match="epoch_s or epoch_ms"):
        load(f"{HEADER}\n", **INTRADAY)

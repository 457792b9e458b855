import datetime as dt
import gzip
import json

import polars as pl
import pytest

from tradepipe.contracts import QUARANTINE, RAW_BARS, validate
from tradepipe.ingest import SourceError, read_file, scan
from tradepipe.settings.sources import FileSource

HEADER = "Symbol,Date,Open,High,Low,Close,Volume"
GOOD = "SPX,2018-12-31,1,3,0.5,2,100"


def reasons(parsed):
    return dict(parsed.refused.select("line", "reason").iter_rows())


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def test_a_good_daily_row_is_read_as_delivered(read):
    parsed = read(f"{HEADER}\n{GOOD}\n")
    assert parsed.refused.is_empty()
    row = parsed.rows.row(0, named=True)
    assert row["session"] == dt.date(2018, 12, 31)
    assert row["open_time"] == utc(2018, 12, 31, 14, 30)
    assert row["known_at"] == utc(2018, 12, 31, 21, 30)
    assert [row[name] for name in ("open", "high", "low", "close", "volume")] == [1.0, 3.0, 0.5, 2.0, 100.0]
    assert (row["file"], row["line"], row["partition"], row["interval"]) == ("delivery.csv", 2, "2018-12", "1d")
    validate(RAW_BARS.arrange(parsed.rows), RAW_BARS, market="here", layer="raw_bars", partition="2018-12")


def test_a_half_day_is_known_earlier(read):
    row = read(f"{HEADER}\nSPX,2018-12-24,1,3,0.5,2,100\n").rows.row(0, named=True)
    assert row["known_at"] == utc(2018, 12, 24, 18, 30)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "reason", "said"),
    [
        ("SPX,2018-12-31,1,3,0.5,2", "ragged_row", "6 fields, the header has 7"),
        (GOOD + ",7", "ragged_row", "8 fields"),
        ("SPX", "ragged_row", "1 fields"),
        (HEADER, "header_repeated", "header"),
        (",2018-12-31,1,3,0.5,2,100", "symbol_missing", "no symbol"),
        ("null,2018-12-31,1,3,0.5,2,100", "symbol_missing", "no symbol"),
        ("DAX,2018-12-31,1,3,0.5,2,100", "unknown_symbol", "DAX is not in universe us_indices"),
        ("SPX,,1,3,0.5,2,100", "value_missing", "Date is empty"),
        ("SPX,31.12.2018,1,3,0.5,2,100", "time_unreadable", "Date: 31.12.2018, expected %Y-%m-%d"),
        ("SPX,2018-02-30,1,3,0.5,2,100", "time_unreadable", "2018-02-30"),
        ("SPX,2018-12-31T10:00,1,3,0.5,2,100", "time_unreadable", "2018-12-31T10:00"),
        ("SPX,2019-01-02,1,3,0.5,2,100", "outside_market_dates", "the market has 1999-01-01 to 2018-12-31"),
        ("SPX,1950-01-03,1,3,0.5,2,100", "outside_market_dates", "1950-01-03"),
        ("SPX,0018-12-31,1,3,0.5,2,100", "outside_market_dates", "0018-12-31"),
        ("SPX,2018-12-05,1,3,0.5,2,100", "not_a_session", "Date: 2018-12-05, calendar XNYS"),
        ("SPX,2018-12-30,1,3,0.5,2,100", "not_a_session", "2018-12-30"),
        ("SPX,2018-12-31,1,NaN,0.5,,100", "value_missing", "high: 'NaN', close: ''"),
        ("SPX,2018-12-31,1,3,0.5,2,null", "value_missing", "volume: 'null'"),
        ("SPX,2018-12-31,1,3,abc,2,100", "number_unreadable", "low: 'abc'"),
        ("SPX,2018-12-31,1,inf,0.5,2,1e999", "number_unreadable", "high: 'inf', volume: '1e999'"),
        ('SPX,2018-12-31,"1,5",3,0.5,2,100', "number_unreadable", "open: '1,5'"),
        ('SPX,2018-12-31,"1,3,0.5,2,100', "number_unreadable", "open: '\"1'"),
        ('"SPX,2018-12-31,1,3,0.5,2,100', "unknown_symbol", '"SPX is not in universe'),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_good_one_is_kept(read, line, reason, said):
    parsed = read(f"{HEADER}\n{line}\n{GOOD}\n")
    assert reasons(parsed) == {2: reason}
    refused = parsed.refused.row(0, named=True)
    assert said in refused["detail"]
    assert (refused["layer"], refused["file"]) == ("raw_bars", "delivery.csv")
    assert parsed.rows["line"].to_list() == [3]
    validate(parsed.refused, QUARANTINE, market="here", layer="raw_bars", partition="-")


def test_a_refused_row_keeps_what_came_and_belongs_to_its_partition(read):
    parsed = read(f"{HEADER}\nSPX,2018-12-31,1,x,0.5,2,100\nSPX,2018-12-05,1,3,0.5,2,100\nSPX,2018-12-31\n")
    first, second, third = parsed.refused.rows(named=True)
    assert json.loads(first["row"]) == {
        "Symbol": "SPX",
        "Date": "2018-12-31",
        "Open": "1",
        "High": "x",
        "Low": "0.5",
        "Close": "2",
        "Volume": "100",
    }
    assert json.loads(third["row"]) == {"line": "SPX,2018-12-31"}
    assert [row["partition"] for row in (first, second, third)] == ["2018-12", "2018-12", "2018-12"]
    assert [row["symbol"] for row in (first, second, third)] == ["SPX", "SPX", "SPX"]


def test_a_row_without_a_valid_partition_names_none(read, market):
    by_session = market(partition="session")
    parsed = read(
        f"{HEADER}\nSPX,2018-12-05,1,3,0.5,2,9\nSPX,2019-01-02,1,3,0.5,2,9\nSPX,?,1,3,0.5,2,9", into=by_session
    )
    assert parsed.refused["partition"].to_list() == [None, None, None]


def test_line_numbers_are_those_of_the_file(read):
    parsed = read(f"\n{HEADER}\r\n\r\n   \n{GOOD}\r\nbroken\r\n\n{GOOD}")
    assert parsed.rows["line"].to_list() == [5, 8]
    assert reasons(parsed) == {6: "ragged_row"}


def test_spaces_quotes_and_a_byte_order_mark_do_not_matter(read):
    header = b'\xef\xbb\xbf Symbol , "Date",Open,High,Low,Close,Volume,"Na""me"\n'
    content = header + b' "SPX" ,2018-12-31, 1 ,3,0.5,2,"100","a, ""b"""\n'
    parsed = read(content + b'SPX,2018-12-28,1,3,0.5,2,x,"a, b"\n')
    assert parsed.rows.select("symbol", "open", "volume").row(0) == ("SPX", 1.0, 100.0)
    assert json.loads(parsed.refused["row"].item())['Na"me'] == "a, b"


def test_a_quoted_line_break_is_part_of_its_row(read):
    parsed = read(f'{HEADER},Note\n{GOOD},"one\n\ntwo, ""three"""\n{GOOD},fine\nSPX,2018-12-31,1,x,1,1,1,"a\nb"\n')
    assert reasons(parsed) == {6: "number_unreadable"}
    assert json.loads(parsed.refused["row"].item())["Note"] == "a\nb"
    assert parsed.rows["line"].to_list() == [2, 5]


def test_a_broken_quote_swallows_no_row_below_it(read):
    """By the letter of RFC 4180 the two quotes make one field of the rows between them."""
    parsed = read(f'{HEADER},Note\n{GOOD},"one\n{GOOD},two"\n{GOOD},three\n{GOOD},"\nragged\n{GOOD},\n')
    assert reasons(parsed) == {6: "ragged_row"}
    assert parsed.rows["line"].to_list() == [2, 3, 4, 5, 7]


def test_a_quote_that_closes_too_late_or_fits_no_row_joins_nothing(read):
    far = "\n".join(["text"] * 100)
    parsed = read(f'{HEADER},Note\n{GOOD},"one\n{far}\ntwo"\n')
    assert parsed.rows["line"].to_list() == [2]
    assert set(reasons(parsed)) == set(range(3, 104))
    parsed = read(f'{HEADER},Note\n{GOOD},"one\ntwo",three,four\n')
    assert parsed.rows["line"].to_list() == [2]
    assert reasons(parsed) == {3: "ragged_row"}


def test_columns_are_found_by_name_in_any_order_and_surplus_ones_are_allowed(read):
    parsed = read("Volume,Note,Close,Low,High,Open,Date,Symbol\n9,x,2,1,4,3,2018-12-31,IXIC\n")
    assert parsed.rows.select("symbol", "open", "high", "low", "close", "volume").row(0) == ("IXIC", 3, 4, 1, 2, 9)


def test_repeated_columns_that_nobody_needs_are_kept_apart_in_the_json(read):
    parsed = read(f"{HEADER},Note,Note,\nSPX,2018-12-31,1,3,x,2,100,a,b,c\n")
    row = json.loads(parsed.refused["row"].item())
    assert (row["Note"], row["Note#9"], row["#10"]) == ("a", "b", "c")


def test_the_file_name_is_the_symbol_where_no_column_says_it(read, market):
    by_name = market(source=FileSource(pattern="*.csv"))
    text = "Date,Open,High,Low,Close,Volume\n2018-12-31,1,3,0.5,2,100\n"
    assert read(text, name="SPX.csv", into=by_name).rows["symbol"].to_list() == ["SPX"]
    assert read(text, name="IXIC.csv.gz", into=by_name).rows["symbol"].to_list() == ["IXIC"]
    assert reasons(read(text, name="DAX.csv", into=by_name)) == {2: "unknown_symbol"}


@pytest.mark.parametrize(
    ("content", "name", "reason", "said"),
    [
        (b"", "delivery.csv", "file_empty", "no text"),
        (b"\n  \n\n", "delivery.csv", "file_empty", "no text"),
        (b"", "delivery.csv.gz", "file_empty", "no text"),
        (HEADER.encode(), "delivery.csv", "no_rows", "no row below"),
        (
            b"Symbol,Date,Open,High,Low,Volume\nSPX,2018-12-31,1,3,1,1",
            "delivery.csv",
            "column_missing",
            "no column Close; ",
        ),
        (f"{HEADER},Close\n{GOOD},3".encode(), "delivery.csv", "column_repeated", "more than one column Close"),
        (HEADER.encode() + b"\n\xff\xfe\x00", "delivery.csv", "not_text", "byte 39 is no UTF-8"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "delivery.csv", "not_text", "byte 0"),
    ],
)
def test_a_faulty_file_is_one_refused_row(read, content, name, reason, said):
    parsed = read(content, name=name)
    assert parsed.rows.is_empty()
    row = parsed.refused.row(0, named=True)
    assert parsed.refused.height == 1
    assert (row["line"], row["reason"], row["file"], row["partition"]) == (0, reason, name, None)
    assert said in row["detail"]
    assert "bytes" in json.loads(row["row"])


def test_a_truncated_gzip_file_is_refused(tmp_path, market):
    whole = gzip.compress("\n".join([HEADER] + [GOOD] * 1000).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[:-20])
    (tmp_path / "wrong.csv.gz").write_bytes(b"no gzip at all")
    here = market()
    for file in scan(tmp_path, "*.gz"):
        refused = read_file(file, here.settings.source, here).refused
        assert refused.select("line", "reason").row(0) == (0, "file_truncated")


def test_a_file_that_changes_between_scan_and_read_is_refused(tmp_path, market):
    path = tmp_path / "growing.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n")
    (file,) = scan(tmp_path, "*.csv")
    path.write_text(f"{HEADER}\n{GOOD}\n{GOOD}\n")
    here = market()
    parsed = read_file(file, here.settings.source, here)
    assert reasons(parsed) == {0: "changed_while_reading"}
    assert parsed.rows.is_empty()


def test_a_daily_date_is_the_one_written_whatever_its_offset(read, market):
    tokyo = market(
        calendar="XTKS",
        source=FileSource(pattern="*.csv", symbol_column="Symbol", time_format="%Y-%m-%d %H:%M:%S%z"),
    )
    parsed = read(f"{HEADER}\nSPX,2018-12-27 00:00:00+09:00,1,3,0.5,2,100\n", into=tokyo)
    assert parsed.rows.select("session", "open_time").row(0) == (dt.date(2018, 12, 27), utc(2018, 12, 27))


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("%Y-%m-%d %H:%M", "2018-07-03 16:58"),
        ("%Y-%m-%dT%H:%M:%SZ", "2018-07-03T16:58:00Z"),
        ("%Y-%m-%d %H:%M:%S%z", "2018-07-03 12:58:00-04:00"),
        ("%s", "1530637080"),
    ],
)
def test_intraday_times_are_utc_opens_on_the_grid(read, market, time_format, text):
    minutes = market(
        interval="1m",
        partition="session",
        source=FileSource(pattern="*.csv", symbol_column="Symbol", time_format=time_format),
    )
    row = read(f"{HEADER}\nSPX,{text},1,3,0.5,2,100\n", into=minutes).rows.row(0, named=True)
    assert row["open_time"] == utc(2018, 7, 3, 16, 58)
    assert row["known_at"] == utc(2018, 7, 3, 17, 29)
    assert (row["session"], row["partition"]) == (dt.date(2018, 7, 3), "2018-07-03")


@pytest.mark.parametrize("text", ["2018-07-03 17:00", "2018-07-04 15:00", "2018-07-03 13:29", "2018-07-03 16:59:30"])
def test_intraday_times_without_a_bar_are_refused(read, market, text):
    source = FileSource(pattern="*.csv", symbol_column="Symbol", time_format="%Y-%m-%d %H:%M:%S")
    minutes = market(interval="1m", partition="session", source=source)
    stamp = text if text.count(":") == 2 else f"{text}:00"
    assert reasons(read(f"{HEADER}\nSPX,{stamp},1,3,0.5,2,100\n", into=minutes)) == {2: "not_on_grid"}


def test_a_session_that_opens_on_the_utc_day_before_gives_its_own_partition(read, market):
    source = FileSource(pattern="*.csv", symbol_column="Symbol", time_format="%Y-%m-%d %H:%M")
    futures = market(calendar="CMES", interval="1h", partition="session", source=source)
    row = read(f"{HEADER}\nSPX,2018-01-02 23:00,1,3,0.5,2,100\n", into=futures).rows.row(0, named=True)
    assert (row["session"], row["partition"]) == (dt.date(2018, 1, 3), "2018-01-03")


def test_a_time_format_that_cannot_give_the_time_is_refused(read, market):
    with pytest.raises(
        SourceError, match=r"market here: key source.time_format: '%Y-%m-%d' cannot give the time of a 1m"
    ):
        read(HEADER, into=market(interval="1m", partition="session"))
    with pytest.raises(SourceError, match="'Date'"):
        read(HEADER, into=market(source=FileSource(pattern="*.csv", time_format="Date")))


def test_numbers_are_read_to_the_last_bit(read):
    texts = ["0.1", "1229.22998", "5e-324", "1.7976931348623157e308", "9007199254740993"]
    row = read(f"{HEADER}\nSPX,2018-12-31,{','.join(texts)}\n").rows.row(0, named=True)
    assert [row[name] for name in ("open", "high", "low", "close", "volume")] == [float(text) for text in texts]


def test_tickers_that_look_like_nothing_are_symbols_all_the_same(read, market):
    text = "\n".join(f"{symbol},2018-12-31,1,3,0.5,2,100" for symbol in ("NA", "NAN", "NONE"))
    parsed = read(f"{HEADER}\n{text}\n", into=market(symbols=["NA", "NAN"]))
    assert parsed.rows["symbol"].to_list() == ["NA", "NAN"]
    assert reasons(parsed) == {4: "symbol_missing"}


def test_rows_are_sorted_by_key_and_repeats_stay(read):
    parsed = read(f"{HEADER}\n{GOOD}\nIXIC,2018-12-31,1,3,0.5,2,100\n{GOOD}\nSPX,2018-12-28,1,3,0.5,2,1\n")
    assert parsed.rows.select("symbol", "session", "line").rows() == [
        ("IXIC", dt.date(2018, 12, 31), 3),
        ("SPX", dt.date(2018, 12, 28), 5),
        ("SPX", dt.date(2018, 12, 31), 2),
        ("SPX", dt.date(2018, 12, 31), 4),
    ]
    assert parsed.rows.drop("partition").schema == RAW_BARS.polars_schema
    assert parsed.rows["partition"].dtype == pl.String

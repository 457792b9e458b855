"""Mart files: headers, refs, order, the portable subset, lineage."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from tradepipe.chain.marts import MartLook, contracts_of
from tradepipe.contracts import UTC
from tradepipe.paths import sql_folder
from tradepipe.warehouse import MartError, column_lineage, load_marts, parse, read_mart, references
from tradepipe.warehouse.portable import FUNCTIONS
from tradepipe.warehouse.tokens import normalised

HEADER = """/*
description: closes
key: [symbol]
columns:
  symbol: {type: text, description: a symbol}
  close: {type: number, description: a price, nullable: true}
*/
"""


def write(folder: Path, name: str, sql: str, header: str = HEADER) -> Path:
    file = folder / f"{name}.sql"
    file.write_text(header + sql)
    return file


def test_a_header_becomes_a_contract(tmp_path):
    header = HEADER.replace("nullable: true", "minimum: 0, exclusive: true, unit: USD").replace(
        "*/", "  at: {type: time, description: when}\nrules:\n  odd: {holds: close < 9, description: small}\n*/"
    )
    mart = read_mart(write(tmp_path, "closes", "SELECT symbol, close, open_time AS at FROM ref('bars')", header))
    assert mart.contract.name == "closes"
    assert mart.contract.polars_schema == {"symbol": pl.String, "close": pl.Float64, "at": UTC}
    assert [column.range for column in mart.contract.columns] == ["", "(0, inf)", ""]
    kept, broken = mart.contract.split(pl.DataFrame({"symbol": ["a", "b"], "close": [1.0, 10.0], "at": [None, None]}))
    assert (kept.height, broken["reason"].to_list()) == (0, ["at_missing", "at_missing"])
    assert [rule.code for rule in mart.contract.rules] == ["odd"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("SELECT 1", r"closes\.sql:1: no header\. Remedy: begin the file with /\* … \*/"),
        ("/* description: [ */", "the header is no YAML"),
        (HEADER.replace("type: text", "type: words"), r"columns\.symbol\.type"),
        (HEADER.replace("description: closes", "descripton: closes"), "descripton: Extra inputs"),
        (HEADER.replace("key: [symbol]", "key: [ticker]"), "ticker is in key or partition_by, but not in columns"),
        (HEADER.replace("key:", "partition_by: close\nkey:"), "close must be of type date"),
        (HEADER.replace("key:", "lookback: {bars: 3}\nkey:"), "lookback names bars; it is for what a partitioned mart"),
        (
            HEADER.replace("key:", "checks: {x: {holds: open > 1, description: d}}\nkey:"),
            "x names open, which is no col",
        ),
        (HEADER.replace("key:", "rules: {x: {holds: '1 +', description: d}}\nkey:"), "no SQL expression"),
    ],
)
def test_a_wrong_header_is_refused_with_file_and_key(tmp_path, header, message):
    with pytest.raises(MartError, match=message):
        read_mart(write(tmp_path, "closes", "SELECT symbol, close FROM ref('bars')", header))


def test_references_are_seen_where_they_are_code_and_nowhere_else():
    sql = """
        -- ref('a')
        /* ref('b') */ SELECT 'it''s ref(''c'')' AS "ref('d')" FROM REF ( 'e.f' ) JOIN ref('g') USING (x), ref('e.f')
    """
    assert references(sql) == ["e.f", "g"]
    assert normalised("SELECT  1 -- one\n , 'a  b'") == "SELECT 1 , 'a  b'"


def test_marts_come_after_those_they_read_and_circles_are_named(tmp_path):
    write(tmp_path, "a", "SELECT symbol, close FROM ref('b')")
    write(tmp_path, "b", "SELECT symbol, close FROM ref('c')")
    write(tmp_path, "c", "SELECT symbol, close FROM ref('bars')")
    assert list(load_marts(tmp_path)) == ["c", "b", "a"]
    write(tmp_path, "c", "SELECT symbol, close FROM ref('a')")
    with pytest.raises(MartError, match="circle: a -> b -> c -> a"):
        load_marts(tmp_path)
    write(tmp_path, "c", "SELECT symbol, close FROM ref('c')")
    with pytest.raises(MartError, match="c reads itself"):
        load_marts(tmp_path)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT symbol,\n first(close) AS close FROM ref('bars')", r"closes\.sql:9: first\(\) is not .* arg_min\(val"),
        ("SELECT symbol, median(close) AS close FROM ref('bars')", r"closes\.sql:8: median\(\) .*: use avg"),
        ("SELECT symbol, close // 2 AS close FROM ref('bars')", r":8: // is not in the portable subset.*floor"),
        ("SELECT symbol, zeppelin(close) AS close FROM ref('bars')", r"zeppelin\(\) .*use one of abs, arg_max"),
        ("SELECT symbol, close FROM ref('bars') LIMIT 3", r"LIMIT .*rank"),
        ("SELECT symbol, now() AS close FROM ref('bars')", "a mart is a function of its refs"),
        ("SELECT symbol, close FROM elsewhere", r"reads elsewhere\. Remedy: ref\('elsewhere'\)"),
        ("SELECT symbol, close FROM read_parquet('x')", r"read layers and marts by ref"),
        ("SELECT 1; SELECT 2", "2 statements; a mart is one SELECT"),
        ("DROP TABLE x", "is one SELECT"),
        ("SELECT symbol close FROM FROM", r"no SQL that can be read"),
    ],
)
def test_what_is_not_portable_is_refused_with_file_line_and_remedy(tmp_path, sql, message):
    with pytest.raises(MartError, match=message):
        parse(read_mart(write(tmp_path, "closes", sql)))


def test_lineage_goes_through_expressions_subqueries_and_unions(tmp_path, market):
    sql = """
    WITH both AS (SELECT symbol, high AS price FROM ref('bars') UNION ALL SELECT symbol, volume FROM ref('raw_bars')),
    sums AS (SELECT symbol, max(price) AS top FROM both WHERE price > 1 GROUP BY symbol)
    SELECT s.symbol, top - min(i.low) OVER (PARTITION BY i.session) AS close
    FROM sums AS s JOIN ref('bars') AS i ON i.symbol = s.symbol AND i.open > 0
    """
    found = column_lineage(read_mart(write(tmp_path, "closes", sql)), contracts_of(market))
    assert found == {
        "symbol": [("bars", "symbol"), ("raw_bars", "symbol")],
        "close": [("bars", "high"), ("bars", "low"), ("bars", "session"), ("raw_bars", "volume")],
    }


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT symbol, price AS close FROM ref('bars')", r"price.*Columns that there are: bars: symbol, interval"),
        (
            "SELECT symbol, close, open FROM ref('bars')",
            "gives symbol, close, open; the header's columns are symbol, c",
        ),
    ],
)
def test_columns_that_are_not_there_are_named(tmp_path, market, sql, message):
    with pytest.raises(MartError, match=message):
        column_lineage(read_mart(write(tmp_path, "closes", sql)), contracts_of(market))


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT symbol, close FROM ref('barz')", r"ref\('barz'\) names no layer or mart. Known: bars, bars\.gaps"),
        ("SELECT symbol, bars AS close FROM ref('expected_bars')", "partition by partition. Remedy: say partition_by"),
    ],
)
def test_refs_to_nothing_are_refused(tmp_path, market, published, sql, message):
    write(tmp_path, "closes", sql)
    with pytest.raises(MartError, match=message):
        MartLook(published.catalogue, market, load_marts(tmp_path), [])


def test_a_partition_does_not_read_what_spans_all(tmp_path, market, published):
    write(tmp_path, "total", "SELECT symbol, max(close) AS close FROM ref('bars') GROUP BY symbol")
    header = HEADER.replace("key: [symbol]", "partition_by: day\nkey: [symbol]").replace(
        "*/", "  day: {type: date, description: d}\n*/"
    )
    write(tmp_path, "part", "SELECT symbol, close, CAST(symbol AS DATE) AS day FROM ref('total')", header)
    with pytest.raises(MartError, match="spans all partitions"):
        MartLook(published.catalogue, market, load_marts(tmp_path), [])


def test_code_version_follows_what_decides_the_rows(tmp_path):
    def version(sql="SELECT symbol, close FROM ref('bars')", header=HEADER):
        return read_mart(write(tmp_path, "closes", sql, header)).code_version

    first = version()
    assert version("SELECT symbol, -- why\n close   FROM ref('bars');") == first
    assert version(header=HEADER.replace("a price", "the price")) == first
    assert version("SELECT symbol, open AS close FROM ref('bars')") != first
    assert version(header=HEADER.replace("nullable: true", "nullable: false")) != first
    assert version(header=HEADER.replace("key:", "rules: {x: {holds: close > 1, description: d}}\nkey:")) != first


def test_every_mart_of_ours_is_portable_and_says_what_each_column_means(marts, market):
    contracts = contracts_of(market) | {name: mart.contract for name, mart in marts.items()}
    required = {
        "daily_market_summary", "quality_scorecard", "gap_report", "universe_coverage", "liquidity_ranking",
        "market_summary", "forecast_accuracy",
    }  # fmt: skip
    assert required <= set(marts) == {file.stem for file in sql_folder().glob("*.sql")}
    for mart in marts.values():
        assert set(column_lineage(mart, contracts)) == set(mart.contract.column_names)
        assert all(column.description for column in mart.contract.columns)


ARGUMENTS = {
    "arg_min": "b, a", "arg_max": "b, a", "power": "abs(b), 2", "corr": "a, b * b", "greatest": "a, b, n",
    "least": "a, b, n", "coalesce": "n, a", "nullif": "a, 2", "concat": "s, '-', s", "substring": "s, 1, 2",
    "date_trunc": "'month', d", "ln": "abs(b)", "sqrt": "abs(b)", "count": "n", "rank": "", "dense_rank": "",
    "row_number": "", "lag": "a", "lead": "a",
}  # fmt: skip
TEXT, DATES, WINDOWS = {"lower", "upper", "length"}, {"year", "month", "day"}, {"rank", "dense_rank", "row_number"}
AGGREGATES = {"count", "sum", "avg", "min", "max", "arg_min", "arg_max", "stddev_samp", "var_samp", "corr"}
ROWS = """(
    SELECT 1 AS a, CAST(-2.5 AS DOUBLE) AS b, CAST(NULL AS DOUBLE) AS n, 'aB' AS s, CAST('1960-05-03' AS DATE) AS d
    UNION ALL SELECT 2, 1.5, 4.0, 'cD', CAST('2024-02-29' AS DATE)
    UNION ALL SELECT 3, 1.5, NULL, '', CAST('2024-12-31' AS DATE)
) AS t"""


@pytest.mark.slow
@pytest.mark.parametrize("function", sorted(FUNCTIONS - {"ref"}))
def test_every_allowed_function_gives_the_same_on_both_engines(function, engines, bare):
    plain = "s" if function in TEXT else "d" if function in DATES else "b"
    call = f"{function}({ARGUMENTS.get(function, plain)})"
    call = f"CAST({call} AS DATE)" if function == "date_trunc" else call  # a day for DuckDB, an instant for ClickHouse
    if function in WINDOWS | {"lag", "lead"}:
        call += " OVER (ORDER BY b, a)" if function in ("row_number", "lag", "lead") else " OVER (ORDER BY b)"
    shown = call if function in AGGREGATES else f"a, {call}"
    sql = f"SELECT {shown} AS x FROM {ROWS}" + ("" if function in AGGREGATES else " ORDER BY a")  # noqa: S608
    one, other = (engine.query(bare, sql, {})["x"].to_list() for engine in engines.values())
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert right == (left if left is None or isinstance(left, str | dt.date) else pytest.approx(left, rel=1e-12))

"""Whatever a file holds: each of its lines is a row or is in quarantine, once."""

import re
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.markets.building import MINUTES, build_market
from tradepipe.contracts import QUARANTINE, RAW_BARS, validate
from tradepipe.ingest import raw_bars, read_files, scan

HEADER = "Symbol,Date,Open,High,Low,Close,Volume"
DAILY = build_market()
BY_MINUTE = build_market(symbols=["SPX", "IXIC"], **MINUTES)

# Unicode's white space; Python counts four separators of ASCII too, which are content here.
WHITE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)
FIELD = r'(?:\s*"(?:[^"]|"")*"\s*|[^",]*)'


def continued(body):
    """Lines that go on with a quoted field of the line above, told here in the simplest way there is."""
    width = HEADER.count(",")
    inner, number = set(), 0
    while number < len(body):
        text, end = body[number].strip(WHITE), number
        while text.count('"') % 2 and end + 1 < len(body) and body[end + 1].count(",") != width:
            end += 1
            text += "\n" + body[end].strip(WHITE)
        whole = re.fullmatch(f"{FIELD}(?:,{FIELD}){{{width}}}", text)
        if end > number and whole:
            inner.update(range(number + 3, end + 3))
            number = end
        number += 1
    return inner


symbols = st.sampled_from(["SPX", "IXIC", "DAX", "", "null", '"SPX"', ' "IXIC" ', '"SPX', "S\tX"])
DAYS = ["2018-12-31", "2018-12-05", "2001-09-11", "1999-01-04", "2020-01-01", "9999-12-31", "", "x", "2018-12-28 "]
STAMPS = ["2018-03-11T00:00:00Z", "2018-11-04T23:59:00Z", "2018-03-11T00:00:30Z", "2031-01-01T00:00:00Z"]
times = st.sampled_from(DAYS + STAMPS)
numbers = st.sampled_from(
    ["1", "1.5", "-3", "0", "1e5", "inf", "nan", "NaN", "", "null", "abc", '"2"', '"2,5"', '"', "1e999"]
)
fields = st.tuples(symbols, times, *[numbers] * 5).map(list)


@st.composite
def lines(draw):
    row = draw(fields)
    change = draw(st.sampled_from(["none", "none", "short", "long", "blank", "header", "spaces", "any"]))
    if change == "any":
        return draw(st.text(st.sampled_from('ab1,"\t .-é\x00\u2028')))
    changed = {
        "none": row,
        "short": row[: draw(st.integers(0, 6))],
        "long": [*row, *draw(st.lists(numbers, min_size=1, max_size=3))],
        "blank": [draw(st.sampled_from(["", "  "]))],
        "header": [HEADER],
        "spaces": [f" {field} " for field in row],
    }
    return ",".join(changed[change])


@pytest.mark.slow
@settings(max_examples=min(50, settings().max_examples))
@given(st.lists(st.lists(lines(), max_size=12), max_size=3), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example([["SPX,2018-12-31,1,1,1,1,1"] * 2], "\n", True)
@example([["SPX,2018-12-31,1,1,1,1,1", 'SPX,2018-12-28,1,1,1,1,"1', "", '2"', "SPX,2018-12-27,1,1,1,1,1"]], "\n", True)
@example([[], ["SPX,2018-12-31,1,1,1,1,1"]], "\n", False)
def test_every_line_is_a_row_or_refused(bodies, ending, daily):
    market = DAILY if daily else BY_MINUTE
    with tempfile.TemporaryDirectory() as folder:
        for number, body in enumerate(bodies):
            Path(folder, f"{number}.csv").write_bytes(ending.join([HEADER, *body]).encode())
        files = scan(Path(folder), "*.csv")
        parsed = raw_bars(files, market)
        exactly = read_files(files, market.settings.source, market, exact=True)
    assert_frame_equal(parsed.rows, exactly.rows)
    assert_frame_equal(parsed.refused, exactly.refused)
    expected = {
        (f"{number}.csv", line)
        for number, body in enumerate(bodies)
        for line, text in enumerate(body, start=2)
        if text.strip(WHITE) and line not in continued(body)
    }
    faults = {(f"{number}.csv", 0) for number, body in enumerate(bodies) if not "".join(body).strip()}
    kept = parsed.rows.select("file", "line").rows()
    refused = parsed.refused.select("file", "line").rows()
    assert len(kept) + len(refused) == len({*kept, *refused})
    assert {*kept, *refused} == expected | faults
    validate(RAW_BARS.arrange(parsed.rows), RAW_BARS, market="here", layer="raw_bars", partition="-")
    validate(parsed.refused, QUARANTINE, market="here", layer="raw_bars", partition="-")
    assert set(parsed.rows["symbol"]) <= {"SPX", "IXIC"}
    assert parsed.rows["partition"].null_count() == 0
    for partition in parsed.rows["partition"].unique():
        assert market.partitions.sessions_of(partition)


@given(st.lists(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)), min_size=1, max_size=3))
def test_no_bytes_at_all_stop_the_file_beside_them(contents):
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(contents):
            Path(folder, f"{number}.csv{'.gz' * (number % 2)}").write_bytes(content)
        Path(folder, "good.csv").write_text(f"{HEADER}\nSPX,2018-12-31,1,1,1,1,1\n")
        files = scan(Path(folder), "*")
        parsed = raw_bars(files, DAILY)
    assert parsed.rows["file"].to_list() == ["good.csv"]
    assert parsed.refused["file"].to_list() == [file.name for file in files if file.name != "good.csv"]
    assert set(parsed.refused["line"]) == {0}


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(st.lists(lines(), max_size=6), min_size=1, max_size=4))
def test_files_together_say_what_they_say_alone(bodies):
    with tempfile.TemporaryDirectory() as folder:
        for number, body in enumerate(bodies):
            # Headers differ, so that files are parsed in more than one group.
            header = (HEADER, HEADER.replace("High,Low", "Low,High"), HEADER.lower())[number % 3]
            Path(folder, f"{number}.csv").write_text("\n".join([header, *body]))
        files = scan(Path(folder), "*.csv")
        together = raw_bars(files, DAILY)
        alone = [raw_bars([file], DAILY) for file in files]
    for name in ("rows", "refused"):
        apart = pl.concat([getattr(parsed, name) for parsed in alone]).sort("file", "line")
        assert_frame_equal(getattr(together, name).sort("file", "line"), apart)

"""Deliveries: every row becomes a raw bar or goes to quarantine with a reason code.

Reason codes of rows are in `tradepipe.ingest.judging`. Of files, on line 0: those of
`tradepipe.ingest.content` and `tradepipe.ingest.columns`, `column_missing`, `column_repeated`, `no_rows`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.contracts import QUARANTINE, RAW_BARS, UTC
from tradepipe.ingest.columns import header_fault, named
from tradepipe.ingest.content import FileFault, read_text
from tradepipe.ingest.csv_blocks import read_blocks
from tradepipe.ingest.csv_lines import CsvText, read_exactly
from tradepipe.ingest.judging import LAYER, PARTITION, REFUSED, Judged, nothing_refused, unread_bars
from tradepipe.ingest.landing import LandingFile
from tradepipe.ingest.lines import split_fields
from tradepipe.ingest.ordering import in_order
from tradepipe.ingest.tables import is_table, read_table
from tradepipe.ingest.times import check_format
from tradepipe.markets import Market
from tradepipe.settings.sources import FileSource

Header = tuple[str, ...]


@dataclass(frozen=True)
class Parsed:
    """What files said. `rows`: the RAW_BARS columns and `partition`. `refused`: the QUARANTINE columns.

    `unread`: the UNREAD_BARS columns and `partition`, of those refused rows that tell which bar they were to be.

    Every line that is neither blank nor its file's header is in exactly one of the two, by file and
    line; a record with line breaks in its quotes counts by its first line. A file that cannot be read
    at all is one refused row with line 0. Both are sorted by key.
    """

    rows: pl.DataFrame
    refused: pl.DataFrame
    unread: pl.DataFrame


def read_file(file: LandingFile, source: FileSource, market: Market, *, exact: bool = False) -> Parsed:
    """Read one file: see `read_files`."""
    return read_files([file], source, market, exact=exact)


def read_files(files: Sequence[LandingFile], source: FileSource, market: Market, *, exact: bool = False) -> Parsed:
    """Read CSV, Parquet, Feather and JSON files as the source's settings say, and refuse the rest with a reason.

    A daily row's date, as written, is its session. An intraday row's time is its open time; it must be
    the open of a bar on the calendar's grid. `known_at` is the bar's close plus the market's
    publication delay, or the time of delivery where that is later.

    Args:
        files: what to read, by the endings of their names.
        source: the source's settings.
        market: whose bars they are.
        exact: read CSV line by line even where the fast way would do; both give the same.

    Raises:
        SourceError: a time format without a date, or without an hour for intraday bars.
        UniverseError, CalendarError: the market's universe or calendar cannot be read.
    """
    if not all(is_table(file) for file in files):  # a table's times have a type, and need no format
        check_format(source, market)
    kept, refused, faults = [_no_rows()], [nothing_refused()], []
    texts: dict[Header, list[CsvText]] = {}
    for file in sorted(files, key=lambda file: file.name):
        opened = _opened(file, source, market)
        if isinstance(opened, FileFault):
            faults.append(opened)
        elif isinstance(opened, Judged):
            kept += opened.bars
            refused += opened.refused
        else:
            header, text = opened
            texts.setdefault(header, []).append(text)
    for header, alike in texts.items():
        if exact:
            rest = [(text, text.all_lines()) for text in alike]
        else:
            bars, rest = read_blocks(alike, header, source, market)
            kept += bars
        judged = read_exactly(rest, header, source, market)
        kept += judged.bars
        refused += judged.refused
    found = pl.concat([*refused, _faults(faults)])
    return Parsed(rows=in_order(kept), refused=QUARANTINE.arrange(found), unread=unread_bars(found, market))


def _opened(file: LandingFile, source: FileSource, market: Market) -> FileFault | Judged | tuple[Header, CsvText]:
    """A table's rows, or a CSV file's header and text."""
    said = named(file, source, market)
    if isinstance(said, FileFault):
        return said
    if is_table(file):
        return read_table(file, said, source, market)
    content = read_text(file)
    if isinstance(content, FileFault):
        return content
    header, body, line = _header(content, source)
    if not content[body : body + 4096].strip() and not content[body:].decode().strip():
        return FileFault(file, "no_rows", "there is a header and no row below it")
    if (fault := header_fault(header, source)) is not None:
        return FileFault(file, *fault)
    return header, CsvText(file, said, content, body, line)


def _no_rows() -> pl.DataFrame:
    return RAW_BARS.empty().with_columns(pl.lit(None, pl.String).alias(PARTITION))


def _header(content: bytes, source: FileSource) -> tuple[Header, int, int]:
    """Column names, the offset of the line below them, and that line's number."""
    if source.header:
        return source.header, 0, 1
    start, line = 0, 1
    while True:
        end = content.find(b"\n", start)
        stop = len(content) if end < 0 else end
        text = content[start:stop].decode().strip()
        if text or end < 0:
            return tuple(split_fields(pl.Series([text])).item(0)), min(stop + 1, len(content)), line + 1
        start, line = stop + 1, line + 1


def _faults(faults: list[FileFault]) -> pl.DataFrame:
    rows = [(fault.file.name, fault.reason, fault.detail, fault.file.size) for fault in faults]
    schema = {"file": pl.String, "reason": pl.String, "detail": pl.String, "bytes": pl.Int64}
    nothing = pl.lit(None, pl.String)
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .with_columns(
            layer=pl.lit(LAYER),
            partition=nothing,
            line=pl.lit(0, pl.Int64),
            symbol=nothing,
            row=pl.struct("bytes").struct.json_encode(),
            session=pl.lit(None, pl.Date),
            open_time=pl.lit(None, UTC),
        )
        .select(REFUSED)
    )

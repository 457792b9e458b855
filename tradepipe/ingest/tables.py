"""Parquet and Feather (Arrow IPC) files: typed columns, judged like the lines of a CSV file.

The `line` of a row is its number from 1, plus 1: as if the columns' names were line 1.
"""

import io

import polars as pl

from tradepipe.contracts import QUARANTINE, UTC
from tradepipe.ingest.columns import Named, header_fault, roles
from tradepipe.ingest.content import FileFault, read_content
from tradepipe.ingest.judging import bars_of, refuse, typed
from tradepipe.ingest.landing import LandingFile
from tradepipe.markets import Market
from tradepipe.settings.sources import FileSource

PARQUET = (".parquet", ".pq")
ARROW = (".feather", ".arrow", ".ipc")

_ROWS_AT_ONCE = 500_000


def is_table(file: LandingFile) -> bool:
    """Whether the file's name says Parquet or Feather."""
    return file.plain_name.endswith(PARQUET + ARROW)


def read_table(
    file: LandingFile, said: Named, source: FileSource, market: Market
) -> tuple[list[pl.DataFrame], list[pl.DataFrame]] | FileFault:
    """Frames of raw bars with `partition`, and frames of quarantine rows.

    Faults: those of `read_content`, `file_empty`, `file_truncated` (no whole file of its kind),
    `column_missing`, `no_rows`.
    """
    content = read_content(file)
    if isinstance(content, FileFault):
        return content
    if not content:
        return FileFault(file, "file_empty", "the file holds nothing")
    frame = _frame(file, content)
    if isinstance(frame, FileFault):
        return frame
    if (fault := header_fault(frame.columns, source)) is not None:
        return FileFault(file, *fault)
    if frame.is_empty():
        return FileFault(file, "no_rows", "there are columns and no row in them")
    kept, refused = [], []
    for start in range(0, frame.height, _ROWS_AT_ONCE):
        part = frame.slice(start, _ROWS_AT_ONCE)
        given = _given(part, start, file, said, source)
        rows = typed(given, source, market)
        good = rows.get_column("good")
        kept.append(bars_of(rows))
        refused.append(_refused(part.filter(~good), given.filter(~good), rows.filter(~good), source, market))
    return kept, refused


def _frame(file: LandingFile, content: bytes) -> pl.DataFrame | FileFault:
    kind = "Parquet" if file.plain_name.endswith(PARQUET) else "Arrow"
    try:
        if kind == "Parquet":
            return pl.read_parquet(io.BytesIO(content))
        return pl.read_ipc(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, OverflowError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return FileFault(file, "file_truncated", f"not a whole {kind} file: {said}")


def _given(part: pl.DataFrame, start: int, file: LandingFile, said: Named, source: FileSource) -> pl.DataFrame:
    columns = {role: _scalar(part.get_column(name)).alias(role) for role, name in roles(source).items()}
    symbol = columns.pop("symbol", None)
    words = symbol.cast(pl.String) if symbol is not None else pl.repeat(said.symbol, part.height, eager=True)
    ours = words.replace(source.symbols) if source.symbols else words
    lines = pl.int_range(start + 2, start + 2 + part.height, dtype=pl.Int64, eager=True)
    frame = pl.DataFrame({"line": lines, "symbol": ours, **columns}).with_columns(
        pl.lit(file.name).alias("file"), pl.lit(file.sha256).alias("file_sha256")
    )
    if said.delivered_at is None:
        return frame
    return frame.with_columns(pl.lit(said.delivered_at, UTC).alias("delivered_at"))


def _refused(
    part: pl.DataFrame, given: pl.DataFrame, rows: pl.DataFrame, source: FileSource, market: Market
) -> pl.DataFrame:
    if given.is_empty():
        return QUARANTINE.empty()
    shown = pl.DataFrame([_scalar(column) for column in part.get_columns()])
    asked = given.with_columns(
        shown.select(pl.struct(pl.all()).struct.json_encode()).to_series().alias("row"),
        ragged=pl.lit(None, pl.String),
        repeated=pl.lit(None, pl.String),
    )
    return refuse(asked, rows, source, market)


def _scalar(column: pl.Series) -> pl.Series:
    """Lists, structs and bytes as text, which no bar is made of: they are refused, and shown as they came."""
    if column.dtype == pl.Binary:
        return column.bin.encode("hex")
    if column.dtype.is_nested():
        return column.to_frame("value").select(pl.struct("value").struct.json_encode()).to_series().alias(column.name)
    if column.dtype in (pl.Categorical, pl.Enum, pl.Duration, pl.Time, pl.Object, pl.Null):
        return column.cast(pl.String, strict=False)
    return column

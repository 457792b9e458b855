"""Parquet, Feather (Arrow IPC) and JSON files: typed columns, judged like the lines of a CSV file.

The `line` of a row is its number from 1, plus 1: as if the columns' names were line 1. A JSON file is
one array of arrays, as exchanges answer; `source.header` names what is in them.
"""

import json
from collections.abc import Sequence

import polars as pl

from tradepipe.contracts import UTC
from tradepipe.ingest.columns import Named, header_fault, roles
from tradepipe.ingest.content import FileFault, read_content
from tradepipe.ingest.judging import Judged, bars_of, nothing_refused, refuse, typed
from tradepipe.ingest.landing import LandingFile
from tradepipe.markets import Market
from tradepipe.settings.sources import FileSource

PARQUET = (".parquet", ".pq")
ARROW = (".feather", ".arrow", ".ipc")
JSON = (".json",)

_ROWS_AT_ONCE = 500_000
# What readers raise over broken files; pyarrow's errors are of these kinds.
_NOT_WHOLE = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    ArithmeticError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


def is_table(file: LandingFile) -> bool:
    """Whether the file's name says Parquet, Feather or JSON."""
    return file.plain_name.endswith(PARQUET + ARROW + JSON)


def read_table(file: LandingFile, said: Named, source: FileSource, market: Market) -> Judged | FileFault:
    """Judge every row of a file.

    Faults: those of `read_content`, `file_empty`, `file_truncated` (no whole file of its kind),
    `column_missing`, `no_rows`.
    """
    content = read_content(file)
    if isinstance(content, FileFault):
        return content
    if not content:
        return FileFault(file, "file_empty", "the file holds nothing")
    frame = _frame(file, content, source.header)
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
    return Judged(kept, refused)


def _frame(file: LandingFile, content: bytes, header: Sequence[str]) -> pl.DataFrame | FileFault:
    kind = "Parquet" if file.plain_name.endswith(PARQUET) else "Arrow" if file.plain_name.endswith(ARROW) else "JSON"
    try:
        return _arrays(json.loads(content), header) if kind == "JSON" else _arrow(content, kind)
    except _NOT_WHOLE as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return FileFault(file, "file_truncated", f"not a whole {kind} file: {said}")


def _arrow(content: bytes, kind: str) -> pl.DataFrame:
    """By pyarrow, which checks every length: a broken one makes polars end the whole process."""
    import pyarrow as pa  # noqa: PLC0415 - a quarter of a second, and only these files need it

    if kind == "Parquet":
        from pyarrow import parquet  # noqa: PLC0415

        table = parquet.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    else:
        table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
    table.validate(full=True)
    if len(set(table.schema.names)) != table.num_columns:
        raise ValueError(f"columns are named twice: {', '.join(table.schema.names)}")
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("no table")
    return frame


def _arrays(rows: object, header: Sequence[str]) -> pl.DataFrame:
    """Rows of a JSON file. What has no number for a value keeps its text, and is refused by it.

    Raises:
        ValueError: it is no array of arrays as long as `source.header`.
    """
    if not isinstance(rows, list) or not header:
        raise ValueError("one array of arrays is expected, and source.header to name what they hold")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(header):
            raise ValueError(f"element {number} is no array of {len(header)} values")
    columns = {name: [row[n] for row in rows] for n, name in enumerate(header)}
    return pl.DataFrame([_values(name, values) for name, values in columns.items()])


def _values(name: str, values: list[object]) -> pl.Series:
    plain = all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)
    if plain:
        return pl.Series(
            name, values, dtype=None if any(isinstance(one, float) for one in values) else pl.Int64, strict=False
        )
    return pl.Series(
        name, [value if isinstance(value, str) else json.dumps(value) for value in values], dtype=pl.String
    )


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
        return nothing_refused()
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

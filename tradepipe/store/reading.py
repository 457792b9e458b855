"""Reading generations: from explicit paths, never by listing folders."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tradepipe.store.errors import StoreError
from tradepipe.store.files import SYMBOL


def scan(
    root: Path, paths: Sequence[str], *, columns: Sequence[str] | None = None, symbols: Sequence[str] | None = None
) -> pl.LazyFrame:
    """The rows of the files in that order; row groups without the symbols are skipped by their statistics."""
    frame = pl.scan_parquet(
        [root / path for path in paths], glob=False, extra_columns="raise" if columns is None else "ignore"
    )
    if symbols is not None:
        frame = frame.filter(pl.col(SYMBOL).is_in(list(symbols)))
    return frame if columns is None else frame.select(columns)


def collect(frame: pl.LazyFrame, dataset: str) -> pl.DataFrame:
    """Collect `scan`.

    Raises:
        StoreError: when the files differ in their columns, or lack one that was asked for.
        FileNotFoundError: when a file was swept.
    """
    try:
        return frame.collect()
    except (pl.exceptions.SchemaError, pl.exceptions.ColumnNotFoundError) as error:
        reason = str(error).split("\n", 1)[0]
        raise StoreError(
            f"{dataset}: partitions were published with different columns, or lack one that was asked for ({reason}). "
            "Remedy: materialise the stale partitions again."
        ) from error


def newest_rows(root: Path, dataset: str, paths: Sequence[str], symbol: str, rows: int) -> pl.DataFrame:
    """The last `rows` rows of `symbol` in files given newest first, reading no more files than it takes.

    The first file tells how many rows a partition holds, and so how many more are needed. All
    columns; in time order; fewer rows when the files hold no more.
    """
    parts: list[pl.DataFrame] = []
    found, start, step = 0, 0, 1
    while start < len(paths) and found < rows:
        batch = paths[start : start + step]
        part = collect(scan(root, batch[::-1], symbols=[symbol]), dataset)
        parts.insert(0, part)
        found, start = found + part.height, start + len(batch)
        step = -(-(rows - found) * start // found) if found else 4 * step
    return pl.concat(parts).tail(rows)

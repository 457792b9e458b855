"""Reading generations: from explicit paths, never by listing folders."""

from collections.abc import Sequence

import polars as pl

from tradepipe.store.errors import StoreError
from tradepipe.store.files import SYMBOL
from tradepipe.store.model import COLD, Generation
from tradepipe.store.parts import SLICE, Addresses, Part, parts_of


def scan(
    addresses: Addresses,
    generations: Sequence[Generation],
    *,
    columns: Sequence[str] | None = None,
    symbols: Sequence[str] | None = None,
) -> pl.LazyFrame:
    """The rows of `generations` in that order; row groups without the symbols are skipped by their statistics."""
    frames = [_scan_part(addresses, part, columns=columns, symbols=symbols) for part in parts_of(generations)]
    return frames[0] if len(frames) == 1 else pl.concat(frames)


def _scan_part(
    addresses: Addresses, part: Part, *, columns: Sequence[str] | None, symbols: Sequence[str] | None
) -> pl.LazyFrame:
    frame = pl.scan_parquet(
        [addresses.of(path, part.tier) for path in part.paths],
        glob=False,
        extra_columns="raise" if columns is None else "ignore",
        storage_options=dict(addresses.options) if part.tier == COLD else None,
    )
    if symbols is not None:
        frame = frame.filter(pl.col(SYMBOL).is_in(list(symbols)))
    if part.condition is None:
        return frame if columns is None else frame.select(columns)
    # A compacted file is sorted by symbol first; each partition's rows lie in it in their own order.
    frame = frame.filter(part.condition)
    frame = frame if columns is None else frame.select(*columns, SLICE)
    if part.slices is not None and len(part.slices) > 1:
        frame = frame.map_batches(_by_slice, projection_pushdown=False, slice_pushdown=False)
    return frame.drop(SLICE)


def _by_slice(frame: pl.DataFrame) -> pl.DataFrame:
    # To look is a hundredth of the cost of sorting, and one symbol's rows need no sorting.
    return frame if frame[SLICE].is_sorted() else frame.sort(SLICE, maintain_order=True)


def collect(frame: pl.LazyFrame, dataset: str) -> pl.DataFrame:
    """Collect `scan`.

    Raises:
        StoreError: when the files differ in their columns, or lack one that was asked for.
        FileNotFoundError: when a file was swept.
    """
    try:
        return frame.collect()
    except (pl.exceptions.SchemaError, pl.exceptions.ShapeError, pl.exceptions.ColumnNotFoundError) as error:
        reason = str(error).split("\n", 1)[0]
        raise StoreError(
            f"{dataset}: partitions were published with different columns, or lack one that was asked for ({reason}). "
            "Remedy: materialise the stale partitions again."
        ) from error


def newest_rows(
    addresses: Addresses, dataset: str, generations: Sequence[Generation], symbol: str, rows: int
) -> pl.DataFrame:
    """The last `rows` rows of `symbol` in generations given newest first, reading no more files than it takes.

    The first one tells how many rows a partition holds, and so how many more are needed. All
    columns; in time order; fewer rows when there are no more.
    """
    parts: list[pl.DataFrame] = []
    found, start, step = 0, 0, 1
    while start < len(generations) and found < rows:
        batch = generations[start : start + step]
        part = collect(scan(addresses, batch[::-1], symbols=[symbol]), dataset)
        parts.insert(0, part)
        found, start = found + part.height, start + len(batch)
        step = -(-(rows - found) * start // found) if found else 4 * step
    return pl.concat(parts).tail(rows)

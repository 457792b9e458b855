"""What a frame holds, as a hash: the same rows give the same hash, however they lie in memory."""

import hashlib
import json
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from tradepipe.store.model import Input


def content_hash(frame: pl.DataFrame) -> str:
    """sha256 (hexadecimal) over column names, types, nulls and values, in order.

    Arrow IPC bytes will not do: equal frames differ in them when one carries an all-valid bitmap,
    or other values beneath its nulls. Here each column is hashed as its bytes in little-endian
    order: floats by their bits (-0.0 is not 0.0), text as lengths and UTF-8, decimals as text,
    times as integers in their unit. Independent of chunks and of the versions of polars and Arrow.

    Raises:
        TypeError: for nested and categorical columns, which no contract has.
    """
    digest = hashlib.sha256()
    columns = frame.get_columns()
    missing = [column.null_count() for column in columns]
    # With the heights, types and null counts ahead, no two frames give the same run of bytes.
    header = [
        frame.height,
        [[column.name, str(column.dtype), nulls] for column, nulls in zip(columns, missing, strict=True)],
    ]
    digest.update(json.dumps(header).encode())
    texts = _texts([column for column in columns if column.dtype == pl.String or isinstance(column.dtype, pl.Decimal)])
    for column, nulls in zip(columns, missing, strict=True):
        if nulls:
            digest.update(np.packbits(column.is_null().to_numpy()).data)
        for part in texts.get(column.name) or [_numbers(column, nulls=nulls > 0)]:
            digest.update(part)
    return digest.hexdigest()


def inputs_digest(inputs: Iterable[Input]) -> str:
    """sha256 (hexadecimal) of the inputs' names and contents, whatever their order and generation."""
    named = sorted((one.dataset, one.partition, one.content) for one in inputs)
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def _texts(columns: Sequence[pl.Series]) -> dict[str, list[bytes | memoryview]]:
    """Lengths and UTF-8 of text columns, all in one query: each of its own costs more than the hashing."""
    if not columns:
        return {}
    text = {column.name: pl.col(column.name).cast(pl.String).fill_null("") for column in columns}
    lengths = pl.DataFrame(columns).select(one.str.len_bytes().alias(name) for name, one in text.items())
    joined = pl.DataFrame(columns).select(one.str.join("").alias(name) for name, one in text.items())
    return {name: [_bytes_of(lengths.get_column(name)), joined.item(0, name).encode()] for name in text}


def _numbers(column: pl.Series, *, nulls: bool) -> memoryview:
    dtype = column.dtype
    if dtype == pl.Boolean:
        return _bytes_of(column.fill_null(value=False).cast(pl.UInt8))
    if dtype.is_numeric() or dtype.is_temporal():
        physical = column.to_physical() if dtype.is_temporal() else column
        return _bytes_of(physical.fill_null(0) if nulls else physical)
    raise TypeError(f"column {column.name}: {dtype} has no content hash; contracts hold scalars only")


def _bytes_of(values: pl.Series) -> memoryview:
    array = values.rechunk().to_numpy()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).data

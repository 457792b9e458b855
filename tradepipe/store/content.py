"""What a frame holds, as a hash: the same rows give the same hash, however they lie in memory."""

import hashlib
import json
from collections.abc import Iterable

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
    # With the heights, types and null counts ahead, no two frames give the same run of bytes.
    header = [frame.height, [[column.name, str(column.dtype), column.null_count()] for column in columns]]
    digest.update(json.dumps(header).encode())
    for column in columns:
        for part in _canonical(column):
            digest.update(part)
    return digest.hexdigest()


def inputs_digest(inputs: Iterable[Input]) -> str:
    """sha256 (hexadecimal) of the inputs' names and contents, whatever their order and generation."""
    named = sorted((one.dataset, one.partition, one.content) for one in inputs)
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def _canonical(column: pl.Series) -> Iterable[bytes | memoryview]:
    dtype = column.dtype
    if column.null_count():
        yield np.packbits(column.is_null().to_numpy()).data
    if isinstance(dtype, pl.Decimal):
        column, dtype = column.cast(pl.String), pl.String()
    if dtype == pl.String:
        text = column.fill_null("")
        yield _bytes_of(text.str.len_bytes())
        yield text.str.join("").item().encode()
    elif dtype == pl.Boolean:
        yield _bytes_of(column.fill_null(value=False).cast(pl.UInt8))
    elif dtype.is_numeric() or dtype.is_temporal():
        yield _bytes_of(column.to_physical().fill_null(0))
    else:
        raise TypeError(f"column {column.name}: {dtype} has no content hash; contracts hold scalars only")


def _bytes_of(values: pl.Series) -> memoryview:
    array = values.rechunk().to_numpy()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).data

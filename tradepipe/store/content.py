"""What a frame holds, as a hash: the same rows give the same hash, however they lie in memory."""

import hashlib
import json
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from tradepipe.store.model import Input

_LENGTH = np.dtype("<u4")
_FEW = 2_000  # rows


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
    for column, nulls, plain in zip(columns, missing, _plain(frame, missing), strict=True):
        if nulls:
            digest.update(np.packbits(column.is_null().to_numpy()).data)
        for part in _text(plain) if plain.dtype == pl.String else [_bytes_of(plain)]:
            digest.update(part)
    return digest.hexdigest()


def inputs_digest(inputs: Iterable[Input]) -> str:
    """sha256 (hexadecimal) of the inputs' names and contents, whatever their order and generation."""
    named = sorted((one.dataset, one.partition, one.content) for one in inputs)
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def _plain(frame: pl.DataFrame, missing: Sequence[int]) -> list[pl.Series]:
    """The columns as text or numbers without nulls; in one query, because each costs more than the hashing."""
    changed = []
    for (name, dtype), nulls in zip(frame.schema.items(), missing, strict=True):
        value = pl.col(name)
        if isinstance(dtype, pl.Decimal):
            changed.append(value.cast(pl.String).fill_null(""))
        elif dtype == pl.Boolean:
            changed.append(value.fill_null(value=False).cast(pl.UInt8))
        elif dtype.is_temporal():
            changed.append(value.to_physical().fill_null(0))
        elif not (dtype.is_numeric() or dtype == pl.String):
            raise TypeError(f"column {name}: {dtype} has no content hash; contracts hold scalars only")
        elif nulls:
            changed.append(value.fill_null("" if dtype == pl.String else 0))
    return (frame.with_columns(changed) if changed else frame).get_columns()


def _text(words: pl.Series) -> list[bytes | memoryview]:
    """Lengths and UTF-8 of a text column without nulls."""
    if words.is_empty():
        return []
    first, last = words.item(0), words.item(-1)
    if first == last and (words == first).all():  # one file, one interval: most columns of text
        word = first.encode()
        return [np.full(len(words), len(word), _LENGTH).data, word * len(words)]
    if len(words) > _FEW:
        frame = words.to_frame("text").select(
            pl.col("text").str.len_bytes().implode(), joined=pl.col("text").str.join("")
        )
        return [_bytes_of(frame.item(0, 0)), frame.item(0, 1).encode()]
    each = words.to_list()  # a query of polars costs as much as a thousand words
    joined = "".join(each)
    if not joined.isascii():
        each = [word.encode() for word in each]
    return [np.fromiter(map(len, each), _LENGTH, len(each)).data, joined.encode()]


def _bytes_of(values: pl.Series) -> memoryview:
    array = values.rechunk().to_numpy()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).data

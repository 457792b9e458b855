"""What a frame holds, as a hash: the same rows give the same hash, however they lie in memory."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
    return content_hashes([frame])[0]


def content_hashes(frames: Sequence[pl.DataFrame]) -> list[str]:
    """`content_hash` of each frame. Frames of one shape are laid out together, which many small ones gain by.

    Raises:
        TypeError: see `content_hash`.
    """
    if not frames:
        return []
    if any(frame.schema != frames[0].schema for frame in frames):
        return [one for frame in frames for one in content_hashes([frame])]
    whole = pl.concat(frames) if len(frames) > 1 else frames[0]
    ends = list(itertools.accumulate(frame.height for frame in frames))
    bounds = list(zip([0, *ends], ends, strict=False))
    columns = [_Canonical.of(column) for column in whole.get_columns()]
    return [_digest(columns, start, end) for start, end in bounds]


def inputs_digest(inputs: Iterable[Input]) -> str:
    """sha256 (hexadecimal) of the inputs' names and contents, whatever their order and generation."""
    named = sorted((one.dataset, one.partition, one.content) for one in inputs)
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


@dataclass(frozen=True)
class _Canonical:
    """A column's bytes, and where each row's lie in them.

    `values` is a number an element, or None for text: `text` then holds all of it, row n of it
    from `starts[n]` to `starts[n + 1]`, and `values` its lengths. `missing` is None for no nulls.
    """

    name: str
    dtype: str
    missing: NDArray[np.bool_] | None
    values: NDArray[Any]
    text: bytes | None = None
    starts: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, column: pl.Series) -> Self:
        name, dtype = column.name, column.dtype
        said = str(dtype)
        missing = column.is_null().to_numpy() if column.null_count() else None
        if isinstance(dtype, pl.Decimal):
            column, dtype = column.cast(pl.String), pl.String()
        if dtype == pl.String:
            text = column.fill_null("") if missing is not None else column
            lengths = _array(text.str.len_bytes())
            starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
            return cls(name, said, missing, lengths, text.str.join("").item().encode(), starts)
        if dtype == pl.Boolean:
            return cls(name, said, missing, _array(column.fill_null(value=False).cast(pl.UInt8)))
        if dtype.is_numeric() or dtype.is_temporal():
            physical = column.to_physical()
            return cls(name, said, missing, _array(physical if missing is None else physical.fill_null(0)))
        raise TypeError(f"column {column.name}: {dtype} has no content hash; contracts hold scalars only")

    def nulls(self, start: int, end: int) -> int:
        return 0 if self.missing is None else int(np.count_nonzero(self.missing[start:end]))

    def parts(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        """The bytes of rows `start` to `end`, exclusive."""
        if self.missing is not None and self.nulls(start, end):
            yield np.packbits(self.missing[start:end]).data
        yield self.values[start:end].data
        if self.text is not None and self.starts is not None:
            yield memoryview(self.text)[self.starts[start] : self.starts[end]]


def _digest(columns: Sequence[_Canonical], start: int, end: int) -> str:
    digest = hashlib.sha256()
    # With the heights, types and null counts ahead, no two frames give the same run of bytes.
    header = [end - start, [[column.name, column.dtype, column.nulls(start, end)] for column in columns]]
    digest.update(json.dumps(header).encode())
    for column in columns:
        for part in column.parts(start, end):
            digest.update(part)
    return digest.hexdigest()


def _array(values: pl.Series) -> NDArray[Any]:
    array = values.rechunk().to_numpy()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))

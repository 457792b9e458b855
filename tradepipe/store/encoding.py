"""How rows are encoded in Parquet: a rule on the types that the contract gives its columns.

Float32 is what a contract gives to values that are computed and never added up, such as indicators.
They are written byte_stream_split: first the lowest byte of every value, then the next one, so that
the bytes that vary little lie together, and LZ4 finds there what Zstandard would have to search for.
Float64 columns (prices) and everything beside them stay as they are: split, prices take more room.

polars' writer has no byte_stream_split, so files with such columns are written by pyarrow. Measured
figures and the reasons: docs/decisions/0011-float32-columns-are-split-by-bytes.md.
"""

import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

_CODEC = "lz4"
_BATCH = 65_536  # rows that are encoded at a time; pyarrow's 1,024 cost a tenth more
_TEXT = {"string", "large_string", "string_view"}


def is_split(schema: pl.Schema) -> bool:
    """Whether a file with these columns has some that are written byte by byte."""
    return pl.Float32 in schema.values()


def write_split(target: Path | io.BufferedIOBase, pieces: Iterable[pl.DataFrame], group_rows: int) -> None:
    """Write `pieces`, at least one, one after the other, in row groups of `group_rows` rows.

    The bytes depend on the rows alone: neither on how they are cut into pieces nor on how they lie in
    memory. Statistics are kept of all columns but the split ones: rows are sorted by symbol or time, so
    that hardly a row group could be skipped by them, and they cost a tenth.
    """
    from pyarrow import parquet  # noqa: PLC0415 - a quarter of a second, and most files are written without

    groups = (group.rechunk().to_arrow() for group in _groups(pieces, group_rows))
    first = next(groups)
    types = first.schema
    split = [field.name for field in types if str(field.type) == "float"]
    with parquet.ParquetWriter(
        target,
        types,
        compression=_CODEC,
        use_byte_stream_split=split,
        use_dictionary=[field.name for field in types if str(field.type) in _TEXT],
        write_statistics=[name for name in types.names if name not in split],
        write_batch_size=_BATCH,
        store_schema=False,  # readers then get Parquet's own types, which are the contract's
    ) as writer:
        for group in itertools.chain([first], groups):
            writer.write_table(group, row_group_size=group_rows)


def _groups(pieces: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The rows of `pieces`, `rows` at a time; fewer only in the last group, which is empty when all are."""
    rest, told = pl.DataFrame(), False
    for piece in pieces:
        together = pl.concat([rest, piece]) if rest.height else piece
        whole = together.height // rows * rows
        for group in together.head(whole).iter_slices(rows):
            told = True
            yield group
        rest = together.slice(whole)
    if rest.height or not told:
        yield rest

"""Merging the files of a month's sessions into one, in pieces that fit in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path

import polars as pl

from tradepipe.store.encoding import is_split, write_split
from tradepipe.store.errors import StoreError
from tradepipe.store.files import MAX_GROUP_ROWS, MIN_GROUP_ROWS, SYMBOL
from tradepipe.store.model import Generation
from tradepipe.store.parts import SLICE, Addresses
from tradepipe.store.reading import scan

INTERVAL = "interval"
PIECE_ROWS = 1_000_000

# The orders of rows that contracts have: by the first that a month's generations all keep, it is merged.
_ORDERS = ((SYMBOL, INTERVAL), (INTERVAL, SYMBOL), (SYMBOL,))


@dataclass(frozen=True)
class Merged:
    """The rows of `generations` as a compacted file holds them: sorted by symbol, then by partition.

    Number i of the generations becomes slice i. Within a slice the rows keep their order. Rows that
    are in no order of symbols stay one partition after the other.
    """

    addresses: Addresses
    generations: Sequence[Generation]
    order: tuple[str, ...]
    counts: pl.DataFrame
    """Rows of each group: a combination of the `order` columns, sorted."""

    @classmethod
    def of(cls, addresses: Addresses, generations: Sequence[Generation]) -> "Merged":
        """Look at the columns that rows may be ordered by, generation by generation."""
        names = scan(addresses, generations[:1]).collect_schema().names()
        for order in _ORDERS:
            if not set(order) <= set(names):
                continue
            counts = [_counts(addresses, one, order) for one in generations]
            if all(one is not None for one in counts):
                together = pl.concat([one for one in counts if one is not None]).group_by(order).agg(pl.col("n").sum())
                return cls(addresses, generations, order, together.sort(order))
        return cls(addresses, generations, (), pl.DataFrame())

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.generations)

    @property
    def group_rows(self) -> int:
        """Rows of a row group: about one symbol's month, more symbols where that would be few."""
        groups = max(self.counts.height, 1)
        of_one = max(-(-self.rows // groups), 1)
        return min(of_one * -(-MIN_GROUP_ROWS // of_one), MAX_GROUP_ROWS)

    def pieces(self) -> Iterator[tuple[pl.Expr | None, pl.DataFrame]]:
        """The rows, in the order of the file; with each piece the condition that selects it there."""
        if not self.order:
            for number, one in enumerate(self.generations):
                yield pl.col(SLICE) == number, self._sliced(number, one, None).collect()
            return
        for condition in self._conditions():
            frames = [self._sliced(number, one, condition) for number, one in enumerate(self.generations)]
            yield condition, pl.concat(pl.collect_all(frames)).sort(self.order, maintain_order=True)

    def _sliced(self, number: int, one: Generation, condition: pl.Expr | None) -> pl.LazyFrame:
        frame = scan(self.addresses, [one])
        frame = frame if condition is None else frame.filter(condition)
        return frame.with_columns(pl.lit(number, pl.Int32).alias(SLICE))

    def _conditions(self) -> Iterator[pl.Expr]:
        # Ranges of symbols, of one interval at a time where that is what rows are sorted by first.
        by = self.order[: self.order.index(SYMBOL) + 1]
        counts = self.counts.group_by(by, maintain_order=True).agg(pl.col("n").sum())
        outer = pl.struct(by[:-1]).rank("dense") if by[:-1] else pl.lit(0, pl.UInt32)
        batch = (pl.col("n").cum_sum() - pl.col("n")) // PIECE_ROWS
        ranges = (
            counts.with_columns(outer.alias("outer"), batch.alias("batch"))
            .group_by("outer", "batch", maintain_order=True)
            .agg(pl.first(*by[:-1]) if by[:-1] else [], first=pl.first(SYMBOL), last=pl.last(SYMBOL))
        )
        for row in ranges.to_dicts():
            equal = [pl.col(name) == pl.lit(row[name]) for name in by[:-1]]
            yield reduce(and_, equal, pl.col(SYMBOL).is_between(pl.lit(row["first"]), pl.lit(row["last"])))

    def write(self, target: Path) -> None:
        """Write the file, in pieces, so that memory holds one of them only."""
        from polars.io.plugins import register_io_source  # noqa: PLC0415 - only compaction needs it

        schema = pl.Schema({**scan(self.addresses, self.generations[:1]).collect_schema(), SLICE: pl.Int32()})
        if is_split(schema):
            write_split(target, (piece for _, piece in self.pieces()), self.group_rows)
            return

        def source(
            with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
        ) -> Iterator[pl.DataFrame]:
            del with_columns, predicate, n_rows, batch_size  # everything is written
            for _, piece in self.pieces():
                yield piece

        register_io_source(source, schema=schema, validate_schema=True).sink_parquet(
            target,
            compression="zstd",
            compression_level=3,
            statistics=True,
            row_group_size=self.group_rows,
            maintain_order=True,
        )

    def verify(self, written: Path) -> None:
        """Read the file again and compare it, row by row, with what it was made from.

        Raises:
            StoreError: when a row differs, is missing or too many.
        """
        found = 0
        for condition, piece in self.pieces():
            frame = pl.scan_parquet(written, glob=False)
            again = (frame if condition is None else frame.filter(condition)).collect()
            found += again.height
            if not again.equals(piece):
                raise StoreError(
                    f"{self.generations[0].dataset}: the compacted file {written.name} is not what it was made from; "
                    "it was not used. Remedy: check the disk, then compact again."
                )
        held = pl.scan_parquet(written, glob=False).select(pl.len()).collect().item()
        if not self.rows == found == held:
            raise StoreError(
                f"{self.generations[0].dataset}: the compacted file {written.name} has {held} rows, {found} of them "
                f"where they belong; its generations have {self.rows}. It was not used. Remedy: compact again."
            )


def _counts(addresses: Addresses, one: Generation, order: tuple[str, ...]) -> pl.DataFrame | None:
    """Rows of each group; None when the rows are not sorted by `order`, or have nulls there."""
    keys = scan(addresses, [one], columns=order).collect()
    if any(keys[name].null_count() for name in order):
        return None
    # A run of equal keys is a group; sorted rows have as many runs as groups, in rising order.
    runs = keys.with_columns(pl.struct(order).rle_id().alias("run")).group_by("run", *order, maintain_order=True)
    counts = runs.agg(pl.len().alias("n"))
    is_sorted = (
        counts.select(order).equals(counts.select(order).sort(order)) and not counts.select(order).is_duplicated().any()
    )
    return counts.drop("run").with_columns(pl.col("n").cast(pl.Int64)) if is_sorted else None

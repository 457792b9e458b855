"""Where the rows of generations are: whole files or slices of compacted ones, on the disk or in the cold tier."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from tradepipe.store.model import COLD, Generation

SLICE = "_slice"
"""Column of a compacted file: which of its partitions a row belongs to."""


@dataclass(frozen=True)
class Addresses:
    """How polars and others reach the files of both tiers.

    `cold` is the address that paths of the cold tier are appended to, such as s3://bucket/prefix;
    `options` are polars' storage options for it.
    """

    root: Path
    cold: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def of(self, path: str, tier: str) -> str:
        """Address of a file of the store, for polars and DuckDB."""
        if tier != COLD:
            return str(self.root / path)
        if self.cold is None:
            raise FileNotFoundError(
                f"{path} is in the cold tier, and store.cold.url is not set. Remedy: set it to where the files went"
            )
        return f"{self.cold}/{path}"


@dataclass(frozen=True)
class Part:
    """Rows that are read together: files that hold one generation each, or slices of one compacted file."""

    tier: str
    paths: tuple[str, ...]
    slices: tuple[int, ...] | None = None

    @property
    def condition(self) -> pl.Expr | None:
        """What selects the slices; None for whole files."""
        if self.slices is None:
            return None
        first, last = min(self.slices), max(self.slices)
        if last - first + 1 == len(self.slices):
            return pl.col(SLICE).is_between(first, last)
        return pl.col(SLICE).is_in(self.slices)

    @property
    def sql_condition(self) -> str | None:
        """The same in SQL."""
        return None if self.slices is None else f"{SLICE} IN ({', '.join(map(str, sorted(self.slices)))})"


def parts_of(generations: Iterable[Generation]) -> list[Part]:
    """The parts that hold `generations`, in their order: neighbours in the same file become one."""
    parts: list[Part] = []
    for one in generations:
        last = parts[-1] if parts else None
        if one.slice is None:
            if last is not None and last.slices is None and last.tier == one.tier:
                parts[-1] = Part(one.tier, (*last.paths, one.path))
            else:
                parts.append(Part(one.tier, (one.path,)))
        elif last is not None and _continues(last, one):
            parts[-1] = Part(one.tier, last.paths, (*(last.slices or ()), one.slice))
        else:
            parts.append(Part(one.tier, (one.path,), (one.slice,)))
    return parts


def _continues(last: Part, one: Generation) -> bool:
    # Rows of a part come in the order of slices, so a snapshot in another order is cut where it turns.
    return (
        last.slices is not None
        and one.slice is not None
        and (last.tier, last.paths) == (one.tier, (one.path,))
        and one.slice > last.slices[-1]
    )


def duckdb_source(addresses: Addresses, generations: Sequence[Generation]) -> str:
    """A table expression for DuckDB: the rows of `generations`, with their contract's columns only.

    Raises:
        FileNotFoundError: for a generation in the cold tier where none is configured.
    """
    whole: list[str] = []
    tables: list[str] = []
    for part in parts_of(generations):
        files = [_quoted(addresses.of(path, part.tier)) for path in part.paths]
        if part.slices is None:
            whole += files
        else:
            tables.append(f"FROM {_scan(files)} SELECT * EXCLUDE ({SLICE}) WHERE {part.sql_condition}")
    if whole and not tables:
        return _scan(whole)
    if whole:
        tables.append(f"FROM {_scan(whole)}")
    return f"({' UNION ALL BY NAME '.join(tables)})"


def _scan(files: Sequence[str]) -> str:
    # DuckDB would take a folder symbol=X above the store for a column, in place of the one in the files.
    return f"read_parquet([{', '.join(files)}], hive_partitioning = false)"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

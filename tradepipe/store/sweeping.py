"""Removing files that nobody can be reading any more."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from tradepipe.store import files
from tradepipe.store.catalogue import referenced_paths
from tradepipe.store.cold import ColdTier
from tradepipe.store.database import writing
from tradepipe.store.model import COLD, HOT
from tradepipe.store.pins import held_paths, pinned_paths
from tradepipe.store.tables import generations, retired_files

_CHUNK = 5_000


@dataclass(frozen=True)
class _Found:
    """Files of one tier: `dead` ones, which superseded generations name, and `orphans`, which none does."""

    dead: list[str]
    orphans: list[str]

    @property
    def paths(self) -> list[str]:
        return sorted([*self.dead, *self.orphans])


def sweep(  # noqa: PLR0913 - what is swept, and how
    engine: sa.Engine,
    root: Path,
    now: dt.datetime,
    grace: dt.timedelta,
    *,
    cold: ColdTier | None = None,
    dry_run: bool = False,
) -> list[str]:
    """Remove files superseded, replaced, or left by crashed writers, longer than `grace` before `now`.

    Returns the removed paths, relative to `root`, sorted, then the addresses of those of the cold
    tier. A file is removed only when every generation that shares it is superseded, none is pinned,
    and it was not compacted or moved within `grace`. Generations keep their rows in the catalogue,
    marked with `swept_at`. A writer that is still at work loses uncommitted files older than `grace`;
    it notices under the write lock and writes them again. `dry_run` says what would go, and does
    nothing.

    Raises:
        ColdTierError: when the cold tier cannot be reached; what was to be removed on the disk is.
    """
    cutoff = now - grace
    removed = _sweep_disk(engine, root, now, cutoff, dry_run=dry_run)
    if cold is not None:
        removed += [f"{cold.url}/{path}" for path in _sweep_cold(engine, cold, now, cutoff, dry_run=dry_run)]
    return removed


def _sweep_disk(engine: sa.Engine, root: Path, now: dt.datetime, cutoff: dt.datetime, *, dry_run: bool) -> list[str]:
    old = list(files.written_before(root, cutoff.timestamp()))
    if dry_run:
        with engine.connect() as connection:
            return _find(connection, HOT, old, cutoff).paths
    with writing(engine) as connection:
        found = _find(connection, HOT, old, cutoff)
        _mark(connection, HOT, found.dead, now, cutoff)
        # Orphans go while the lock keeps writers from committing them.
        for path in found.orphans:
            (root / path).unlink(missing_ok=True)
    # The dead go after the commit: killed in between, they are orphans for the next sweep.
    for path in found.dead:
        (root / path).unlink(missing_ok=True)
    return found.paths


def _sweep_cold(
    engine: sa.Engine, cold: ColdTier, now: dt.datetime, cutoff: dt.datetime, *, dry_run: bool
) -> list[str]:
    old = cold.written_before(cutoff)
    with engine.connect() as connection:
        # A bucket may be another store's too. What we put there has, or had, a name in our catalogue.
        old = sorted(_ever_named(connection, old))
    if dry_run:
        with engine.connect() as connection:
            return _find(connection, COLD, old, cutoff).paths
    with writing(engine) as connection:
        found = _find(connection, COLD, old, cutoff)
        _mark(connection, COLD, found.dead, now, cutoff)
        cold.remove(found.orphans)
    cold.remove(found.dead)
    return found.paths


def _ever_named(connection: sa.Connection, paths: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(paths), _CHUNK):
        chunk = paths[start : start + _CHUNK]
        for column in (generations.c.path, retired_files.c.path):
            found.update(connection.scalars(sa.select(column).where(column.in_(chunk))))
    return found


def _find(connection: sa.Connection, tier: str, old: Sequence[str], cutoff: dt.datetime) -> _Found:
    recent = set(
        connection.scalars(
            sa.select(retired_files.c.path).where(retired_files.c.tier == tier, retired_files.c.retired_at > cutoff)
        )
    )
    dead = sorted(set(_dead_paths(connection, tier, cutoff)) - recent)
    orphans = set(old) - recent - referenced_paths(connection, old, tier) - held_paths(connection, old) - set(dead)
    return _Found(dead, sorted(orphans))


def _mark(connection: sa.Connection, tier: str, dead: Sequence[str], now: dt.datetime, cutoff: dt.datetime) -> None:
    for start in range(0, len(dead), _CHUNK):
        connection.execute(
            sa.update(generations)
            .where(
                generations.c.path.in_(dead[start : start + _CHUNK]),
                generations.c.tier == tier,
                generations.c.swept_at.is_(None),
            )
            .values(swept_at=now)
        )
    over = sa.and_(retired_files.c.tier == tier, retired_files.c.retired_at <= cutoff)
    connection.execute(sa.delete(retired_files).where(over))


def _dead_paths(connection: sa.Connection, tier: str, cutoff: dt.datetime) -> list[str]:
    table = generations.c
    superseded = sa.select(table.path).where(table.superseded_at <= cutoff, table.swept_at.is_(None))
    query = (
        sa.select(table.path)
        .where(table.tier == tier, table.path.in_(superseded), table.path.not_in(pinned_paths()))
        .group_by(table.path)
        .having(sa.func.count() == sa.func.count(table.superseded_at), sa.func.max(table.superseded_at) <= cutoff)
    )
    return list(connection.scalars(query))

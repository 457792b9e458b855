"""Removing files that nobody can be reading any more."""

import datetime as dt
from pathlib import Path

import sqlalchemy as sa

from tradepipe.store import files
from tradepipe.store.catalogue import referenced_paths
from tradepipe.store.database import writing
from tradepipe.store.pins import held_paths, pinned_paths
from tradepipe.store.tables import generations

_CHUNK = 5_000


def sweep(engine: sa.Engine, root: Path, now: dt.datetime, grace: dt.timedelta) -> list[str]:
    """Remove files superseded, or left by crashed writers, longer than `grace` before `now`.

    Returns the removed paths, relative to `root`, sorted. A file is removed only when every
    generation that shares it is superseded, and none is pinned. Generations keep their rows in the catalogue, marked
    with `swept_at`. A writer that is still at work loses uncommitted files older than `grace`; it
    notices under the write lock and writes them again.
    """
    cutoff = now - grace
    old = list(files.written_before(root, cutoff.timestamp()))
    with writing(engine) as connection:
        dead = _dead_paths(connection, cutoff)
        for start in range(0, len(dead), _CHUNK):
            connection.execute(
                sa.update(generations)
                .where(generations.c.path.in_(dead[start : start + _CHUNK]), generations.c.swept_at.is_(None))
                .values(swept_at=now)
            )
        # Orphans go while the lock keeps writers from committing them.
        orphans = sorted(set(old) - referenced_paths(connection, old) - held_paths(connection, old) - set(dead))
        for path in orphans:
            (root / path).unlink(missing_ok=True)
    # The dead go after the commit: killed in between, they are orphans for the next sweep.
    for path in dead:
        (root / path).unlink(missing_ok=True)
    return sorted([*orphans, *dead])


def _dead_paths(connection: sa.Connection, cutoff: dt.datetime) -> list[str]:
    table = generations.c
    superseded = sa.select(table.path).where(table.superseded_at <= cutoff, table.swept_at.is_(None))
    query = (
        sa.select(table.path)
        .where(table.path.in_(superseded), table.path.not_in(pinned_paths()))
        .group_by(table.path)
        .having(sa.func.count() == sa.func.count(table.superseded_at), sa.func.max(table.superseded_at) <= cutoff)
    )
    return list(connection.scalars(query))

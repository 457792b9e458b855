"""Pins: generations whose files must stay, whatever their age, because somebody named them.

A published dataset pins the generations of its manifest in the transaction that registers it.
Whoever removes files (the sweep, retention, compaction) leaves out what `pinned_paths` selects, under
the same write lock: a pin is taken before the file can go, or refused after it went.
"""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from tradepipe.store.errors import StoreError
from tradepipe.store.tables import generations, pins

_CHUNK = 5_000


def pin(connection: sa.Connection, holder: str, generation_ids: Sequence[int], now: dt.datetime) -> None:
    """Keep the files of these generations for `holder`; call it inside `tradepipe.store.writing`.

    Raises:
        StoreError: when one of them is not in the catalogue, or its file was removed already.
    """
    wanted = sorted(set(generation_ids))
    alive: set[int] = set()
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(generations.c.id).where(
            generations.c.id.in_(wanted[start : start + _CHUNK]), generations.c.swept_at.is_(None)
        )
        alive.update(connection.scalars(query))
    gone = [number for number in wanted if number not in alive]
    if gone:
        raise StoreError(
            f"{holder}: the file of generation {gone[0]} is gone, so it cannot be pinned ({len(gone)} in all). "
            "Remedy: take the current generations instead."
        )
    if wanted:
        rows = [{"holder": holder, "generation_id": number, "pinned_at": now} for number in wanted]
        connection.execute(sa.insert(pins), rows)


def unpin(connection: sa.Connection, holder: str) -> int:
    """Let go of everything `holder` pinned; how many generations that were."""
    return connection.execute(sa.delete(pins).where(pins.c.holder == holder)).rowcount


def pinned_paths() -> sa.Select[tuple[str]]:
    """Selects the paths of pinned generations: `generations.c.path.not_in(pinned_paths())`."""
    return sa.select(generations.c.path).join(pins, pins.c.generation_id == generations.c.id)


def holders_of(connection: sa.Connection, generation_id: int) -> list[str]:
    """Who holds a generation, sorted."""
    query = sa.select(pins.c.holder).where(pins.c.generation_id == generation_id).order_by(pins.c.holder)
    return list(connection.scalars(query))

"""Pins: generations whose files must stay, whatever their age, because somebody named them.

A published dataset pins the generations of its manifest in the transaction that registers it.
Whoever removes files (the sweep, retention, compaction, moving to another tier) leaves out what
`pinned_paths` selects, under the same write lock: a pin is taken before the file can go, or refused
after it went. The generation itself may move on to a compacted file; the pinned one stays beside it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from tradepipe.store.errors import StoreError
from tradepipe.store.tables import generations, pins

_CHUNK = 5_000


def pin(connection: sa.Connection, holder: str, paths: Mapping[int, str], now: dt.datetime) -> None:
    """Keep the files of these generations (id -> path) for `holder`; call it inside `tradepipe.store.writing`.

    Raises:
        StoreError: when the file of one of them was removed already, or is another one by now.
    """
    wanted = sorted(paths)
    alive: dict[int, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(generations.c.id, generations.c.path).where(
            generations.c.id.in_(wanted[start : start + _CHUNK]), generations.c.swept_at.is_(None)
        )
        alive.update((number, path) for number, path in connection.execute(query))
    gone = [number for number in wanted if alive.get(number) != paths[number]]
    if gone:
        raise StoreError(
            f"{holder}: the file of generation {gone[0]} is gone or replaced, so it cannot be pinned "
            f"({len(gone)} in all). Remedy: take a new snapshot of the current generations."
        )
    if wanted:
        rows = [{"holder": holder, "generation_id": one, "path": paths[one], "pinned_at": now} for one in wanted]
        connection.execute(sa.insert(pins), rows)


def unpin(connection: sa.Connection, holder: str) -> int:
    """Let go of everything `holder` pinned; how many generations that were."""
    return connection.execute(sa.delete(pins).where(pins.c.holder == holder)).rowcount


def pinned_paths() -> sa.Select[tuple[str]]:
    """Selects the paths of pinned files: `generations.c.path.not_in(pinned_paths())`."""
    return sa.select(pins.c.path)


def held_paths(connection: sa.Connection, paths: Sequence[str]) -> set[str]:
    """Those of `paths` that are pinned."""
    found: set[str] = set()
    for start in range(0, len(paths), _CHUNK):
        found.update(connection.scalars(sa.select(pins.c.path).where(pins.c.path.in_(paths[start : start + _CHUNK]))))
    return found


def holders_of(connection: sa.Connection, generation_id: int) -> list[str]:
    """Who holds a generation, sorted."""
    query = sa.select(pins.c.holder).where(pins.c.generation_id == generation_id).order_by(pins.c.holder)
    return list(connection.scalars(query))

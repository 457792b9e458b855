"""Moving old files to the cold tier: copied, verified, committed in the catalogue, then removed from the disk."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tradepipe.store.ages import age
from tradepipe.store.cold import ColdTier
from tradepipe.store.database import writing
from tradepipe.store.errors import StoreError
from tradepipe.store.model import COLD, HOT, Generation
from tradepipe.store.moving import each, retire
from tradepipe.store.pins import held_paths
from tradepipe.store.tables import generations

if TYPE_CHECKING:
    from tradepipe.store.store import PartitionStore


@dataclass(frozen=True)
class Move:
    """A file that is old enough for the cold tier, and the current partitions in it."""

    path: str
    dataset: str
    partitions: tuple[str, ...]
    size: int
    sha256: str


def plan(store: "PartitionStore", now: dt.datetime, after: dt.timedelta) -> list[Move]:
    """Files on the disk of which every current partition ended `after` before `now` or earlier.

    Files that a published dataset names are left where they are, and so are partitions without a date.
    """
    found: list[Move] = []
    for dataset in store.catalogue.datasets():
        files: dict[str, list[Generation]] = {}
        for one in store.catalogue.current(dataset).values():
            if one.tier == HOT:
                files.setdefault(one.path, []).append(one)
        for path, held in files.items():
            ages = [age(one.partition, now) for one in held]
            if all(old is not None and old >= after for old in ages):
                found.append(Move(path, dataset, tuple(one.partition for one in held), held[0].size, held[0].sha256))
    with store.catalogue.engine.connect() as connection:
        held_files = held_paths(connection, [move.path for move in found])
    return [move for move in found if move.path not in held_files]


def cool(
    store: "PartitionStore",
    moves: Sequence[Move],
    *,
    clock: Callable[[], dt.datetime],
    checkpoint: Callable[[str], None] = lambda _step: None,
) -> list[Move]:
    """Move files to the cold tier; those that moved. The copy on the disk goes with a sweep after the grace period.

    `checkpoint` is called with the name of each step just after it, for each file: "copied",
    "verified", "moved", "committed". A crash leaves the file on the disk and in the catalogue as it
    was, or moved; a copy that nothing refers to is removed by the sweep.

    Raises:
        StoreError: when no cold tier is configured, or a file is not what the catalogue says; the others
            are moved before it is raised.
        ColdTierError: when the cold tier cannot be reached; files moved before stay moved.
    """
    cold = store.cold
    if not moves:
        return []
    if cold is None:
        raise StoreError("there is no cold tier. Remedy: set store.cold.url to s3://bucket/prefix or file:///folder")
    moved = each(moves, lambda move: _cool(store, cold, move, clock, checkpoint))
    return [move for move, done in zip(moves, moved, strict=True) if done]


def _cool(
    store: "PartitionStore",
    cold: ColdTier,
    move: Move,
    clock: Callable[[], dt.datetime],
    checkpoint: Callable[[str], None],
) -> bool:
    try:
        cold.put(store.root / move.path, move.path)
    except FileNotFoundError:  # compacted, or superseded and swept, since it was planned
        return False
    checkpoint("copied")
    found = cold.sha256(move.path)
    if found != move.sha256:
        raise StoreError(
            f"{move.dataset}: {move.path} has sha256 {found} in the cold tier, the catalogue says {move.sha256}; it "
            "was not moved. Remedy: compare the file on the disk with a backup, then move it again."
        )
    checkpoint("verified")
    with writing(store.catalogue.engine) as connection:
        there = generations.c
        moved = connection.execute(
            sa.update(generations)
            .where(there.path == move.path, there.tier == HOT, there.swept_at.is_(None))
            .values(tier=COLD)
        )
        if moved.rowcount:
            retire(connection, [(move.path, HOT)], "moved to the cold tier", clock())
        checkpoint("moved")
    checkpoint("committed")
    return bool(moved.rowcount)

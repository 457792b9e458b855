"""Retention: partitions go when a policy says so, and each one that went is on record.

An evicted partition has no current generation, but an `Eviction`: it is known to have been there.
Its file goes with a sweep after the grace period, once no partition in it is left.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from tradepipe.store.ages import age, last_day
from tradepipe.store.database import writing
from tradepipe.store.model import Generation
from tradepipe.store.tables import current_generations, evictions, generation_inputs, generations, pins

if TYPE_CHECKING:
    from tradepipe.store.store import PartitionStore

_CHUNK = 2_000


@dataclass(frozen=True)
class Policy:
    """How old a dataset's partitions may become; `keep` None: for ever.

    `name` is the setting that says so. A partition is kept on the day it is `keep` old, and goes on
    the next.
    """

    name: str
    keep: dt.timedelta | None


@dataclass(frozen=True)
class Due:
    """A partition that a policy does not keep any longer, and why."""

    generation: Generation
    policy: str
    reason: str


def _nothing() -> set[str]:
    return set()


def plan(
    store: "PartitionStore",
    policies: Mapping[str, Policy],
    now: dt.datetime,
    *,
    before: dt.date | None = None,
    protected: Callable[[], set[str]] = _nothing,
) -> list[Due]:
    """Partitions of the datasets in `policies` that are to go at `now`, oldest first in each dataset.

    `before` stands for the policies' ages: partitions that ended before that day go. Kept all the same:

    - what a published dataset pins, and files whose path or sha256 is in `protected()`;
    - partitions without a date in their key;
    - what a later partition was computed from (a look back, such as an indicator's), as long as that
      one is itself under a policy and stays: it could not be computed again otherwise.
    """
    due: list[Due] = []
    for dataset, policy in sorted(policies.items()):
        for partition, one in store.catalogue.current(dataset).items():
            reason = _reason(partition, policy, now, before)
            if reason is not None:
                due.append(Due(one, policy.name, reason))
    kept = protected()
    with store.catalogue.engine.connect() as connection:
        pinned_ids, pinned_paths = _pinned(connection)
        due = [
            one
            for one in due
            if one.generation.id not in pinned_ids
            and one.generation.path not in pinned_paths | kept
            and one.generation.sha256 not in kept
        ]
        # What stays because it is needed may itself need what is older.
        while needed := _needed(connection, [one.generation for one in due], policies):
            due = [one for one in due if one.generation.id not in needed]
    return due


def evict(
    store: "PartitionStore",
    due: Sequence[Due],
    *,
    clock: Callable[[], dt.datetime],
    checkpoint: Callable[[str], None] = lambda _step: None,
) -> list[Due]:
    """Take the partitions away, in one transaction with their records; those that went.

    What was published again or pinned since it was planned stays. `checkpoint` is called with
    "recorded" inside the transaction and "committed" after it.
    """
    now = clock()
    with writing(store.catalogue.engine) as connection:
        pinned_ids, pinned_paths = _pinned(connection)
        held = set(connection.scalars(sa.select(current_generations.c.generation_id)))
        gone = [
            one
            for one in due
            if one.generation.id in held
            and one.generation.id not in pinned_ids
            and one.generation.path not in pinned_paths
        ]
        for start in range(0, len(gone), _CHUNK):
            chunk = gone[start : start + _CHUNK]
            ids = [one.generation.id for one in chunk]
            connection.execute(sa.delete(current_generations).where(current_generations.c.generation_id.in_(ids)))
            connection.execute(sa.update(generations).where(generations.c.id.in_(ids)).values(superseded_at=now))
            connection.execute(sa.insert(evictions), [_record(one, now) for one in chunk])
        checkpoint("recorded")
    checkpoint("committed")
    return gone


def _reason(partition: str, policy: Policy, now: dt.datetime, before: dt.date | None) -> str | None:
    last, old = last_day(partition), age(partition, now)
    if last is None or old is None:
        return None
    if before is not None:
        return f"ended on {last}, before {before}" if last < before else None
    if policy.keep is None or old <= policy.keep:
        return None
    return f"ended on {last}, {old.days} days ago; {policy.name} keeps {policy.keep.days}"


def _pinned(connection: sa.Connection) -> tuple[set[int], set[str]]:
    rows = connection.execute(sa.select(pins.c.generation_id, pins.c.path)).all()
    return {row.generation_id for row in rows}, {row.path for row in rows}


def _needed(connection: sa.Connection, due: Sequence[Generation], policies: Iterable[str]) -> set[int]:
    """Ids of those of `due` that a later partition which stays was computed from."""
    going = {one.id for one in due}
    user, used = aliased(generations), generation_inputs.c
    needed: set[int] = set()
    ids = sorted(going)
    for start in range(0, len(ids), _CHUNK):
        query = (
            sa.select(used.input_generation_id, user.c.id)
            .select_from(
                generation_inputs.join(
                    current_generations, used.generation_id == current_generations.c.generation_id
                ).join(user, user.c.id == used.generation_id)
            )
            .where(
                used.input_generation_id.in_(ids[start : start + _CHUNK]),
                user.c.dataset.in_(list(policies)),
                user.c.partition > used.partition,
            )
        )
        needed.update(number for number, by in connection.execute(query) if by not in going)
    return needed


def _record(one: Due, now: dt.datetime) -> dict[str, object]:
    generation = one.generation
    return {
        "generation_id": generation.id,
        "dataset": generation.dataset,
        "partition": generation.partition,
        "path": generation.path,
        "sha256": generation.sha256,
        "rows": generation.rows,
        "policy": one.policy,
        "reason": one.reason,
        "evicted_at": now,
    }

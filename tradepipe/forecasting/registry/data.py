"""What versions were trained on, kept as runs of ids.

A partition's training window holds hundreds of generations, and the next partition's nearly the same ones. Each
generation is kept once under an id; ids are given in the order of dataset and partition, so that a window is a few runs
of ids, and a version names its window. Nothing is rounded: the runs hold exactly the generations.
"""

import hashlib
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from tradepipe.forecasting.registry.tables import data_generations, training_runs, trainings
from tradepipe.store.model import Input


def remember(connection: sa.Connection, windows: Sequence[tuple[Input, ...]]) -> list[int]:
    """The id of each training window; those that are new are written, inside the caller's transaction."""
    # The members of a partition share one tuple; looking at each of its generations once is enough.
    distinct = {id(window): window for window in windows}
    ids = _ids(connection, {one for window in distinct.values() for one in window})
    numbers = {key: sorted({ids[one] for one in window}) for key, window in distinct.items()}
    digests = {key: _digest(found) for key, found in numbers.items()}
    by_digest = {digests[key]: numbers[key] for key in distinct}
    known = _trainings(connection, by_digest)
    lacking = sorted(by_digest.keys() - known.keys())
    if lacking:
        connection.execute(sa.insert(trainings), [{"digest": digest} for digest in lacking])
        known = _trainings(connection, by_digest)
        rows = [
            {"training_id": known[digest], "first_id": first, "last_id": last}
            for digest in lacking
            for first, last in _runs(by_digest[digest])
        ]
        if rows:
            connection.execute(sa.insert(training_runs), rows)
    return [known[digests[id(window)]] for window in windows]


def recall(connection: sa.Connection, training: int) -> tuple[Input, ...]:
    """The generations of a training window, by dataset and partition."""
    table = data_generations.c
    inside = sa.and_(
        training_runs.c.training_id == training,
        table.id >= training_runs.c.first_id,
        table.id <= training_runs.c.last_id,
    )
    query = (
        sa.select(table.dataset, table.partition, table.content, table.generation)
        .select_from(data_generations.join(training_runs, inside))
        .order_by(table.dataset, table.partition, table.id)
    )
    return tuple(Input(*row) for row in connection.execute(query))


def _ids(connection: sa.Connection, wanted: set[Input]) -> dict[Input, int]:
    known = _known(connection, wanted)
    lacking = sorted(wanted - known.keys(), key=lambda one: (one.dataset, one.partition, one.generation or 0))
    if not lacking:
        return known
    connection.execute(sa.insert(data_generations), [vars(one) for one in lacking])
    return _known(connection, wanted)


def _known(connection: sa.Connection, wanted: set[Input]) -> dict[Input, int]:
    table = data_generations.c
    found: dict[Input, int] = {}
    for dataset in {one.dataset for one in wanted}:
        partitions = [one.partition for one in wanted if one.dataset == dataset]
        query = sa.select(table.id, table.dataset, table.partition, table.content, table.generation).where(
            table.dataset == dataset, table.partition.between(min(partitions), max(partitions))
        )
        found |= {Input(*row): number for number, *row in connection.execute(query)}
    return {one: number for one, number in found.items() if one in wanted}


def _trainings(connection: sa.Connection, digests: Mapping[str, object]) -> dict[str, int]:
    names = sorted(digests)
    found: dict[str, int] = {}
    for start in range(0, len(names), 5_000):
        query = sa.select(trainings.c.digest, trainings.c.id).where(
            trainings.c.digest.in_(names[start : start + 5_000])
        )
        found.update(connection.execute(query).tuples().all())
    return found


def _digest(numbers: Sequence[int]) -> str:
    return hashlib.sha256(",".join(map(str, numbers)).encode()).hexdigest()


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, last) of each stretch without a gap."""
    starts = [number for before, number in zip((None, *numbers), numbers, strict=False) if before != number - 1]
    ends = [number for number, after in zip(numbers, (*numbers[1:], None), strict=True) if after != number + 1]
    return list(zip(starts, ends, strict=True))

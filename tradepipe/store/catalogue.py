"""The catalogue: which generation of each partition is current, and what became of the others."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy as sa

from tradepipe.store.counters import Counters, counting
from tradepipe.store.errors import StoreError
from tradepipe.store.model import HOT, Eviction, Generation, Input
from tradepipe.store.tables import current_generations, evictions, generation_inputs, generations

CHUNK = 5_000  # values in one IN list; SQLite takes 32,766, PostgreSQL 65,535
_IS_CURRENT = current_generations.c.generation_id == generations.c.id


class Catalogue:
    """Reading side of the catalogue. Every method is one consistent look at it unless it says otherwise."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def _connect(self) -> sa.Connection:
        return self.engine.connect()

    def counting(self) -> AbstractContextManager[Counters]:
        """Count the statements and commits of the catalogue's database while a block lasts."""
        return counting(self.engine)

    def current(self, dataset: str, partitions: Sequence[str] | None = None) -> dict[str, Generation]:
        """Current generation of each published partition, sorted by key; of all partitions when None."""
        with self._connect() as connection:
            return current_on(connection, dataset, partitions)

    def current_of(self, datasets: Collection[str]) -> dict[str, dict[str, Generation]]:
        """Current generations of several datasets as of one moment: dataset -> partition -> generation."""
        query = _select_current().where(generations.c.dataset.in_(datasets))
        found: dict[str, dict[str, Generation]] = {name: {} for name in datasets}
        with self._connect() as connection:
            for generation in _generations(connection.execute(query)):
                found[generation.dataset][generation.partition] = generation
        return found

    def newest(self, dataset: str, limit: int | None = None) -> list[Generation]:
        """Current generations of the newest partitions, newest first."""
        query = (
            sa.select(generations)
            .select_from(current_generations.join(generations, _IS_CURRENT))
            .where(current_generations.c.dataset == dataset)
            .order_by(current_generations.c.partition.desc())
            .limit(limit)
        )
        with self._connect() as connection:
            return list(_generations(connection.execute(query)))

    def of_ids(self, generation_ids: Collection[int]) -> dict[int, Generation]:
        """The generations with these ids, as the catalogue has them now."""
        wanted = list(generation_ids)
        found: dict[int, Generation] = {}
        with self._connect() as connection:
            for start in range(0, len(wanted), CHUNK):
                query = sa.select(generations).where(generations.c.id.in_(wanted[start : start + CHUNK]))
                found.update((one.id, one) for one in _generations(connection.execute(query)))
        return found

    def generation(self, generation_id: int) -> Generation:
        """The generation with that id.

        Raises:
            StoreError: when there is none.
        """
        with self._connect() as connection:
            rows = connection.execute(sa.select(generations).where(generations.c.id == generation_id))
            for generation in _generations(rows):
                return generation
        raise StoreError(f"generation {generation_id}: the catalogue has no such generation")

    def history(self, dataset: str, partition: str) -> list[Generation]:
        """All generations of a partition, oldest first, those whose file is gone included."""
        query = sa.select(generations).where(generations.c.dataset == dataset, generations.c.partition == partition)
        with self._connect() as connection:
            return list(_generations(connection.execute(query.order_by(generations.c.number))))

    def ever(self, dataset: str) -> list[Generation]:
        """All generations that the dataset ever had, those whose file is gone included."""
        query = sa.select(generations).where(generations.c.dataset == dataset)
        with self._connect() as connection:
            return list(_generations(connection.execute(query)))

    def inputs(self, generation_ids: Sequence[int]) -> dict[int, list[Input]]:
        """What each generation was computed from, sorted by dataset and partition; ids without inputs too."""
        found: dict[int, list[Input]] = {number: [] for number in generation_ids}
        table = generation_inputs.c
        wanted = list(found)
        with self._connect() as connection:
            for start in range(0, len(wanted), CHUNK):
                query = (
                    sa.select(
                        table.generation_id, table.dataset, table.partition, table.content, table.input_generation_id
                    )
                    .where(table.generation_id.in_(wanted[start : start + CHUNK]))
                    .order_by(table.generation_id, table.dataset, table.partition)
                )
                for generation_id, *one in connection.execute(query):
                    found[generation_id].append(Input(*one))
        return found

    def evicted(self, dataset: str | None = None) -> list[Eviction]:
        """Evictions whose partition was not published again since, by dataset and partition, of one dataset or all."""
        table = evictions.c
        is_back = sa.exists().where(
            current_generations.c.dataset == table.dataset, current_generations.c.partition == table.partition
        )
        query = sa.select(evictions).where(~is_back).order_by(table.dataset, table.partition, table.generation_id)
        if dataset is not None:
            query = query.where(table.dataset == dataset)
        with self._connect() as connection:
            rows = [Eviction(*row) for row in connection.execute(query)]
        # Published again and evicted again: the last one counts.
        return list({(one.dataset, one.partition): one for one in rows}.values())

    def datasets(self) -> list[str]:
        """Names of all datasets that have a current generation, sorted."""
        query = sa.select(current_generations.c.dataset).distinct().order_by(current_generations.c.dataset)
        with self._connect() as connection:
            return list(connection.scalars(query))


def current_on(
    connection: sa.Connection, dataset: str, partitions: Collection[str] | None = None
) -> dict[str, Generation]:
    """`Catalogue.current`, inside a transaction that is already open."""
    query = _select_current().where(current_generations.c.dataset == dataset)
    wanted = None if partitions is None else set(partitions)
    if wanted is not None and len(wanted) <= CHUNK:
        query = query.where(current_generations.c.partition.in_(wanted))
    found = {generation.partition: generation for generation in _generations(connection.execute(query))}
    return found if wanted is None else {key: generation for key, generation in found.items() if key in wanted}


def referenced_paths(connection: sa.Connection, paths: Sequence[str], tier: str = HOT) -> set[str]:
    """Those of `paths` that a generation of `tier` names whose file was not swept."""
    found: set[str] = set()
    for start in range(0, len(paths), CHUNK):
        query = sa.select(generations.c.path).where(
            generations.c.path.in_(paths[start : start + CHUNK]),
            generations.c.swept_at.is_(None),
            generations.c.tier == tier,
        )
        found.update(connection.scalars(query))
    return found


def last_numbers(connection: sa.Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The greatest number that a generation of each (dataset, partition) ever had; none where there was none."""
    found: dict[tuple[str, str], int] = {}
    table = generations.c
    for dataset in sorted({dataset for dataset, _ in keys}):
        partitions = [partition for name, partition in keys if name == dataset]
        for start in range(0, len(partitions), CHUNK):
            query = (
                sa.select(table.partition, sa.func.max(table.number))
                .where(table.dataset == dataset, table.partition.in_(partitions[start : start + CHUNK]))
                .group_by(table.partition)
            )
            found.update(((dataset, partition), number) for partition, number in connection.execute(query))
    return found


def insert_generations(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert generations in bulk; their ids, in the order of `rows`."""
    # Not RETURNING: in a known order, SQLite gives it for single rows only.
    connection.execute(sa.insert(generations), [dict(row) for row in rows])
    table = generations.c
    key = sa.tuple_(table.dataset, table.partition, table.number)
    wanted = [(row["dataset"], row["partition"], row["number"]) for row in rows]
    found: dict[tuple[str, str, int], int] = {}
    for start in range(0, len(wanted), CHUNK):
        query = sa.select(table.id, table.dataset, table.partition, table.number).where(
            key.in_(wanted[start : start + CHUNK])
        )
        found.update(((one.dataset, one.partition, one.number), one.id) for one in connection.execute(query))
    return [found[name] for name in wanted]


def _select_current() -> sa.Select[Any]:
    return (
        sa.select(generations)
        .select_from(current_generations.join(generations, _IS_CURRENT))
        .order_by(current_generations.c.dataset, current_generations.c.partition)
    )


def _generations(rows: sa.CursorResult[Any]) -> Iterator[Generation]:
    # The table's columns are the dataclass's fields, in the same order; a test holds them together.
    return (Generation(*row) for row in rows)

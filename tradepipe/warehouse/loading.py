"""Bringing generations into ClickHouse: only new ones, each whole or not at all, each once."""

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from typing import Any

import polars as pl

from tradepipe.contracts import Contract
from tradepipe.store import Generation, PartitionStore
from tradepipe.warehouse import tables
from tradepipe.warehouse.engine import in_batches
from tradepipe.warehouse.errors import WarehouseError
from tradepipe.warehouse.relations import Relation
from tradepipe.warehouse.tables import GENERATION, LEDGER, backticked, copy_of
from tradepipe.warehouse.tokens import literal

_ATTEMPTS = 3


class Loader:
    """Copies of generations in ClickHouse, and the ledger of those that are there whole.

    A generation's rows come first, its line in the ledger last, after they were counted: what a
    crash or another loader left half or twice is deleted and loaded again.
    """

    def __init__(self, client: Any, store: PartitionStore, ttl: dt.timedelta | None) -> None:
        self._client, self._store, self._ttl = client, store, ttl
        self._now = dt.datetime.now(dt.UTC)
        self._scratch: list[str] = []
        client.command(tables.CREATE_LEDGER)

    def load(self, relation: Relation) -> str:
        """Load what the ledger lacks of the relation's generations; the name of their table.

        Raises:
            WarehouseError: when other processes keep loading the same generations.
        """
        contract, generations = relation.contract, relation.generations
        dataset = generations[0].dataset if generations else f"none/{relation.name}"
        table = self._table(dataset, contract)
        held = self._held(table)
        lacking = wanted = [one for one in generations if copy_of(one) not in held]
        for _ in range(_ATTEMPTS):
            if not lacking:
                break
            lacking = self._copy(table, contract, lacking)
        if lacking:
            raise WarehouseError(
                f"{dataset}: {len(lacking)} generations were not loaded whole. Remedy: run again; another process is "
                "loading them."
            )
        if wanted:
            self._forget(table, dataset, held - {copy_of(one) for one in generations})
            self._show(table, dataset, contract)
        return table

    def scratch(self, name: str, relation: Relation) -> str:
        """A SELECT from a table of this query's own, with the rows that are no dataset's."""
        table = f"{name}-{uuid.uuid4().hex[:12]}"
        self._client.command(tables.create(table, relation.contract, None))
        self._scratch.append(table)
        rows = relation.contract.empty() if relation.rows is None else relation.rows
        self._insert(table, rows.select(relation.contract.column_names).with_columns(generation=pl.lit(0, pl.UInt64)))
        columns = ", ".join(backticked(column) for column in relation.contract.column_names)
        condition = relation.condition(tables.moment)
        where = f" WHERE {condition}" if condition else ""
        return f"SELECT {columns} FROM {backticked(table)}{where}"

    def tidy(self) -> None:
        """Drop the tables of this query's own."""
        while self._scratch:
            self._client.command(f"DROP TABLE IF EXISTS {backticked(self._scratch.pop())}")

    def _table(self, dataset: str, contract: Contract) -> str:
        table = tables.name_of(dataset, contract)
        command = self._client.command
        there = command(
            f"SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = {literal(table)}"
        )
        if int(there):
            made = str(command(f"SHOW CREATE TABLE {backticked(table)}"))
            told = re.search(r"toIntervalSecond\((\d+)\)", made)
            if (int(told[1]) if told else None) == tables.ttl_seconds(contract, self._ttl):
                return table
            # What the other time to live has taken away is loaded again, what this one takes is not.
            command(f"DELETE FROM {LEDGER} WHERE table = {literal(table)}")
            command(f"DROP TABLE {backticked(table)}")
        command(tables.create(table, contract, self._ttl))
        return table

    def _held(self, table: str) -> set[int]:
        """The generations that are there whole."""
        rows = self._client.query(f"SELECT generation FROM {LEDGER} WHERE table = {literal(table)}")
        return {one for (one,) in rows.result_rows}

    def _copy(self, table: str, contract: Contract, generations: Sequence[Generation]) -> list[Generation]:
        """Copy the rows of `generations`, count them, and enter those that are whole; the others."""
        self._delete(table, generations)
        expected: dict[int, int] = {copy_of(one): 0 for one in generations}
        for batch in in_batches(self._store, tuple(generations), contract):
            alive = tables.living(batch, contract, self._ttl, self._now)
            self._insert(table, alive)
            expected |= dict(alive.group_by(GENERATION).len().rows())
        ids = ", ".join(map(str, expected))
        found = self._client.query(
            f"SELECT {GENERATION}, count() FROM {backticked(table)} WHERE {GENERATION} IN ({ids}) GROUP BY {GENERATION}"
        )
        counts = dict(found.result_rows)
        whole = [one for one in generations if counts.get(copy_of(one), 0) == expected[copy_of(one)]]
        ledger = pl.DataFrame(
            {
                "table": [table] * len(whole),
                "generation": [copy_of(one) for one in whole],
                "rows": [one.rows for one in whole],
            },
            schema={"table": pl.String, "generation": pl.UInt64, "rows": pl.UInt64},
        )
        if whole:
            self._client.insert_arrow(LEDGER, ledger.to_arrow())
        done = {one.id for one in whole}
        return [one for one in generations if one.id not in done]

    def _insert(self, table: str, rows: pl.DataFrame) -> None:
        if rows.height:
            self._client.insert_arrow(backticked(table), rows.to_arrow())

    def _delete(self, table: str, generations: Sequence[Generation]) -> None:
        ids = ", ".join(str(copy_of(one)) for one in generations)
        there = self._client.command(f"SELECT count() FROM {backticked(table)} WHERE {GENERATION} IN ({ids})")
        if int(there):
            self._client.command(f"DELETE FROM {backticked(table)} WHERE {GENERATION} IN ({ids})")

    def _show(self, table: str, dataset: str, contract: Contract) -> None:
        """For other clients of ClickHouse: a view of the dataset's current rows, replaced in one step."""
        held = self._held(table)
        current = [copy_of(one) for one in self._store.catalogue.current(dataset).values()]
        ids = ", ".join(str(number) for number in current if number in held)
        columns = ", ".join(backticked(name) for name in (*contract.column_names, GENERATION))
        self._client.command(
            f"CREATE OR REPLACE VIEW {backticked(dataset)} AS SELECT {columns} FROM {backticked(table)} "
            f"WHERE {GENERATION} IN ({ids or 'NULL'})"
        )

    def _forget(self, table: str, dataset: str, others: set[int]) -> None:
        """Delete the rows of generations that were superseded so long ago that no reader asks for them.

        What the catalogue never had is another one's, and is left alone.
        """
        if not others:
            return
        before = self._now - self._store.grace
        gone, wanted = set[int](), set[int]()
        for one in self._store.catalogue.ever(dataset):
            is_gone = one.superseded_at is not None and one.superseded_at < before
            (gone if is_gone else wanted).add(copy_of(one))
        if ids := ", ".join(map(str, sorted((others & gone) - wanted))):
            self._client.command(f"DELETE FROM {LEDGER} WHERE table = {literal(table)} AND generation IN ({ids})")
            self._client.command(f"DELETE FROM {backticked(table)} WHERE {GENERATION} IN ({ids})")

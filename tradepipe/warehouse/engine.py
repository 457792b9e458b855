"""The engines that run SQL: one protocol, DuckDB by default, ClickHouse by setting."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import polars as pl

from tradepipe.contracts import Contract
from tradepipe.settings import WarehouseSettings
from tradepipe.store import Generation, PartitionStore
from tradepipe.warehouse.relations import Relation
from tradepipe.warehouse.tables import copy_of

# Rows that are in memory at once when a dataset is not read by the engine itself.
ROWS_AT_ONCE = 1_000_000


class Warehouse(Protocol):
    """Runs one SELECT, in DuckDB's dialect, in which `ref('bars')` stands for a relation."""

    def query(
        self,
        store: PartitionStore,
        sql: str,
        relations: Mapping[str, Relation],
        params: Mapping[str, Any] | None = None,
    ) -> pl.DataFrame:
        """Rows of `sql`; `$name` takes `params`; times are UTC.

        DuckDB gives the same rows, bit for bit, of the same generations; on ClickHouse sums of floats may
        differ in their last digits, because its parts are added in the order of their merges.

        Raises:
            WarehouseError: when the engine refuses the query, or cannot be reached.
        """
        ...


def open_warehouse(settings: WarehouseSettings) -> Warehouse:
    """The engine that the settings name; nothing is connected before the first query."""
    from tradepipe.warehouse.clickhouse import ClickHouseWarehouse  # noqa: PLC0415 - one of them is used
    from tradepipe.warehouse.duck import DuckWarehouse  # noqa: PLC0415

    if settings.kind == "clickhouse" and settings.url is not None:
        return ClickHouseWarehouse(settings.url, settings.ttl)
    return DuckWarehouse()


def in_batches(
    store: PartitionStore, generations: tuple[Generation, ...], contract: Contract
) -> Iterator[pl.DataFrame]:
    """Rows of `generations` with the number of their copy, about a million at a time, from whatever files and tiers."""
    batch: list[pl.DataFrame] = []
    rows = 0
    for one in generations:
        frame = store.read_generations([one], contract, columns=contract.column_names)
        batch.append(frame.with_columns(generation=pl.lit(copy_of(one), pl.UInt64)))
        rows += frame.height
        if rows >= ROWS_AT_ONCE:
            yield pl.concat(batch)
            batch, rows = [], 0
    if batch:
        yield pl.concat(batch)

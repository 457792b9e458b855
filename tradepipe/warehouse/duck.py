"""DuckDB over the files that the catalogue names: in memory, in this process, nothing kept."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from tradepipe.contracts import Contract
from tradepipe.store import Generation, PartitionStore
from tradepipe.store.model import HOT
from tradepipe.store.parts import duckdb_source
from tradepipe.warehouse.errors import WarehouseError
from tradepipe.warehouse.relations import Relation
from tradepipe.warehouse.tokens import quoted, with_references

if TYPE_CHECKING:
    import duckdb

# One thread, so that sums of floats are added in the same order each time; UTC, as all of our times are.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "TimeZone": "UTC",
    "threads": 1,
}


class DuckWarehouse:
    """The default engine: each relation is a view over its Parquet files."""

    def query(
        self,
        store: PartitionStore,
        sql: str,
        relations: Mapping[str, Relation],
        params: Mapping[str, Any] | None = None,
    ) -> pl.DataFrame:
        """See `tradepipe.warehouse.engine.Warehouse`."""
        import duckdb  # noqa: PLC0415 - most processes ask nothing of it

        with duckdb.connect(config=CONFIG) as connection:
            try:
                for name, relation in relations.items():
                    connection.execute(f"CREATE TEMP VIEW {quoted(name)} AS {_select(connection, store, relation)}")
                result: pl.DataFrame = connection.sql(with_references(sql, quoted), params=params).pl()
            except duckdb.Error as error:
                lacking = _lacking(store, relations.values())
                raise WarehouseError(lacking or f"DuckDB refuses the query: {error}") from error
            return result


def _lacking(store: PartitionStore, relations: Iterable[Relation]) -> str | None:
    """What published partitions lack of the columns that their layer has now, and the remedy; None for nothing."""
    for relation in relations:
        # Columns of one code version are the same: it knows the settings that they follow.
        for one in {one.code_version: one for one in relation.generations}.values():
            held = store.read_generations([one], relation.contract).columns
            if lost := [name for name in relation.contract.column_names if name not in held]:
                return (
                    f"{one.dataset}: {one.partition} was published without {', '.join(lost[:3])}"
                    f"{f' and {len(lost) - 3} more' if len(lost) > 3 else ''}. "
                    "Remedy: materialise the stale partitions again, by `tradepipe run`."
                )
    return None


def _select(connection: "duckdb.DuckDBPyConnection", store: PartitionStore, relation: Relation) -> str:
    if relation.query is not None:
        return with_references(relation.query, quoted)
    columns = ", ".join(quoted(name) for name in relation.contract.column_names)
    condition = relation.condition(_moment)
    where = f" WHERE {condition}" if condition else ""
    parts = [f"SELECT {columns} FROM {source}{where}" for source in _sources(connection, store, relation)]
    if relation.history is not None:
        past = relation.history
        parts += [
            f"SELECT {columns} FROM {source} WHERE {past.condition(_moment)}"
            for source in _sources(connection, store, past)
        ]
    return " UNION ALL ".join(parts)


def _moment(at: dt.datetime) -> str:
    return f"TIMESTAMPTZ '{at:%Y-%m-%d %H:%M:%S.%f}+00'"


def _sources(connection: "duckdb.DuckDBPyConnection", store: PartitionStore, relation: Relation) -> list[str]:
    """What stands after FROM: a list of files, and what is registered under a name because it is not one file's all."""
    own, held = _parted(relation.generations)
    found = [duckdb_source(store.addresses, own)] if own else []
    rows = [relation.rows] if relation.rows is not None else []
    if held or rows or not own:
        rows.append(_read(store, held, relation.contract))
        name = f"rows of {relation.name}"
        connection.register(name, pl.concat(rows).select(relation.contract.column_names).to_arrow())
        found.append(quoted(name))
    return found


def _parted(generations: tuple[Generation, ...]) -> tuple[list[Generation], list[Generation]]:
    """Those on the local disk, which DuckDB reads itself, and those in the cold tier, which the store reads."""
    own: list[Generation] = []
    held: list[Generation] = []
    for one in generations:
        (own if one.tier == HOT else held).append(one)
    return own, held


def _read(store: PartitionStore, generations: list[Generation], contract: Contract) -> pl.DataFrame:
    return store.read_generations(generations, contract, columns=contract.column_names)

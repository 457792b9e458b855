"""ClickHouse, by a server or embedded: copies of the generations that are read, and SQL over them.

The catalogue stays the truth. A query reads the rows of exactly the generations that the catalogue
names, so a generation becomes visible, and the one before it invisible, in the moment in which the
catalogue says so; what was superseded is deleted once no reader can ask for it any more.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import polars as pl

from tradepipe.store import Generation, PartitionStore
from tradepipe.warehouse.errors import WarehouseError
from tradepipe.warehouse.loading import Loader
from tradepipe.warehouse.relations import Relation
from tradepipe.warehouse.tables import GENERATION, backticked, copy_of, moment
from tradepipe.warehouse.tokens import quoted, with_references

# What makes ClickHouse answer as DuckDB does. Floats are added in the order of its parts, which merges
# change: sums may differ in their last digits from one load to another.
SETTINGS = {
    "join_use_nulls": 1,
    "aggregate_functions_null_for_empty": 1,
    "prefer_column_name_to_alias": 1,
    "enable_extended_results_for_datetime_functions": 1,
    "cast_keep_nullable": 1,
    "max_threads": 1,
    "session_timezone": "UTC",
}


class ClickHouseWarehouse:
    """Runs marts in ClickHouse; loads the generations that it lacks before each query.

    Args:
        url: clickhouse://user@host:port/database, or chdb:///folder for the embedded engine, of which
            a process can have one folder only.
        ttl: age at which copies of rows go; None: never.
    """

    def __init__(self, url: str, ttl: dt.timedelta | None = None) -> None:
        self._url, self._ttl = url, ttl
        self._client: Any = None

    def query(
        self,
        store: PartitionStore,
        sql: str,
        relations: Mapping[str, Relation],
        params: Mapping[str, Any] | None = None,
    ) -> pl.DataFrame:
        """See `tradepipe.warehouse.engine.Warehouse`."""
        loader = self.loader(store)
        ctes = {name: _select(loader, one) for name, one in relations.items() if one.rows is None}
        made = {name: one for name, one in relations.items() if one.rows is not None}
        try:
            for name, one in made.items():
                ctes[name] = loader.scratch(name, one)
            text = transpiled(sql, ctes, params)
            table = self._client.query_arrow(text, settings=SETTINGS)
        except self._error as error:
            raise WarehouseError(f"ClickHouse refuses the query: {_first_line(error)}") from error
        finally:
            loader.tidy()
        return _plain(pl.DataFrame(table))

    def loader(self, store: PartitionStore) -> Loader:
        """What brings this store's generations into ClickHouse.

        Raises:
            WarehouseError: when the server cannot be reached, or the embedded engine is not to be had.
        """
        import clickhouse_connect  # noqa: PLC0415 - most processes ask nothing of it

        if self._client is None:
            try:
                self._client = clickhouse_connect.get_client(dsn=self._url)
            except (self._error, ImportError) as error:
                raise WarehouseError(
                    f"warehouse.url: ClickHouse cannot be opened: {_first_line(error)}. Remedy: is the server up, and "
                    "the address right? For chdb:// install the package chdb; a process can open one folder only."
                ) from error
        return Loader(self._client, store, self._ttl)

    @property
    def _error(self) -> type[Exception]:
        from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415 - as above

        return ClickHouseError


def transpiled(sql: str, selects: Mapping[str, str], params: Mapping[str, Any] | None = None) -> str:
    """`sql` of DuckDB's dialect for ClickHouse; each `ref()` is a common table expression of `selects`.

    `selects` are in ClickHouse's dialect, except those which begin with `--duckdb`.
    """
    from sqlglot import exp, parse_one  # noqa: PLC0415 - a third of a CPU second

    tree = parse_one(with_references(sql, quoted), read="duckdb")
    for placeholder in list(tree.find_all(exp.Parameter, exp.Placeholder)):
        placeholder.replace(exp.convert((params or {})[placeholder.name]))
    body = _written(tree)
    inner = [f"{quoted(name)} AS ({select})" for name, select in selects.items()]
    if not inner:
        return body
    # The query's own common table expressions come after those that it reads.
    return f"WITH {', '.join(inner)}, {body[5:]}" if body.startswith("WITH ") else f"WITH {', '.join(inner)} {body}"


def portable_text(sql: str) -> str:
    """A SELECT of DuckDB's dialect, `ref()` as names, in ClickHouse's dialect."""
    from sqlglot import parse_one  # noqa: PLC0415 - as above

    return _written(parse_one(with_references(sql, quoted), read="duckdb"))


def _written(tree: Any) -> str:
    from sqlglot import exp  # noqa: PLC0415 - as above

    for dtype in list(tree.find_all(exp.DataType)):
        if dtype.this == exp.DType.DATE:  # ClickHouse's Date begins in 1970
            dtype.replace(exp.DataType(this=exp.DType.DATE32))
    for step in list(tree.find_all(exp.Lag, exp.Lead)):
        # Where there is no row before, ClickHouse gives a type's zero, unless the type knows null.
        step.set("this", exp.Anonymous(this="toNullable", expressions=[step.this.copy()]))
    text: str = tree.sql(dialect="clickhouse")
    return text


def _select(loader: Loader, relation: Relation) -> str:
    if relation.query is not None:
        return portable_text(relation.query)
    columns = ", ".join(backticked(name) for name in relation.contract.column_names)
    parts = [_from(loader, relation, columns)]
    if relation.history is not None:
        parts.append(_from(loader, relation.history, columns))
    return " UNION ALL ".join(parts)


def _from(loader: Loader, relation: Relation, columns: str) -> str:
    table = loader.load(relation)
    conditions = [f"{GENERATION} IN ({_ids(relation.generations)})"]
    if condition := relation.condition(moment):
        conditions.append(condition)
    return f"SELECT {columns} FROM {backticked(table)} WHERE {' AND '.join(conditions)}"


def _ids(generations: tuple[Generation, ...]) -> str:
    return ", ".join(str(copy_of(one)) for one in generations) or "NULL"


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """ClickHouse's words as text, and its small and unsigned integers as ours."""
    integers = pl.selectors.integer() - pl.selectors.by_dtype(pl.Int64, pl.Int32)
    return frame.with_columns(pl.selectors.by_dtype(pl.Categorical).cast(pl.String), integers.cast(pl.Int64))


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0]

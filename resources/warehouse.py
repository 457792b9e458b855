"""The SQL engine as a Dagster resource."""

import datetime as dt
from typing import Literal

import dagster as dg
from pydantic import PrivateAttr

from tradepipe.settings import Settings, WarehouseSettings
from tradepipe.warehouse import Warehouse, open_warehouse


class WarehouseResource(dg.ConfigurableResource["WarehouseResource"]):
    """Where marts are computed: DuckDB in this process, or ClickHouse."""

    kind: Literal["duckdb", "clickhouse"]
    url: str | None = None
    ttl_seconds: float | None = None
    _warehouse: Warehouse | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> "WarehouseResource":
        told = settings.warehouse
        return cls(kind=told.kind, url=told.url, ttl_seconds=told.ttl.total_seconds() if told.ttl else None)

    def open(self) -> Warehouse:
        """The engine itself; nothing is connected before its first query."""
        if self._warehouse is None:
            ttl = dt.timedelta(seconds=self.ttl_seconds) if self.ttl_seconds is not None else None
            self._warehouse = open_warehouse(WarehouseSettings(kind=self.kind, url=self.url, ttl=ttl))
        return self._warehouse

"""The shape of what is kept where: store, tiers, retention, cache, warehouse, ledger."""

import datetime as dt
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from tradepipe.settings.sections import Duration, Section


class PoolSettings(Section):
    """Connections to a database server; SQLite has no use for them."""

    size: int = Field(10, ge=1, description="connections kept open")
    overflow: int = Field(20, ge=0, description="connections more, for a while")
    recycle: Duration = Field(dt.timedelta(hours=1), description="age at which a connection is replaced")


class RetentionSettings(Section):
    """How old data may become. A file that a published dataset names is never removed."""

    raw_ticks: Duration | None = Field(dt.timedelta(days=30), description="trades and quotes; null: for ever")
    minute_bars: Duration | None = Field(dt.timedelta(days=180), description="bars shorter than 1h; null: for ever")
    bars: Duration | None = Field(None, description="longer bars and what is computed from them; null: for ever")


class ColdSettings(Section):
    """The cold tier: where files go that are read seldom. Readers see one dataset."""

    url: str | None = Field(None, description="s3://bucket/prefix or file:///folder; none: everything stays hot")
    endpoint: str | None = Field(None, description="address of the S3 service; default: AWS")
    after: Duration = Field(dt.timedelta(days=90), description="age of a partition's last session when it goes there")


class StoreSettings(Section):
    """Where partitions live and how long superseded generations are kept for their readers."""

    root: Path | None = Field(None, description="folder of Parquet files; default: <home>/store")
    catalogue_url: str | None = Field(None, description="SQLAlchemy URL; default: SQLite in <home>")
    replica_url: str | None = Field(None, description="SQLAlchemy URL of a read replica for reports")
    grace: Duration = Field(dt.timedelta(hours=1), description="how long a superseded generation stays readable")
    pool: PoolSettings = PoolSettings()
    compact_after: Duration = Field(
        dt.timedelta(days=2), description="age at which a month of session partitions is compacted into one file"
    )
    retention: RetentionSettings = RetentionSettings()
    cold: ColdSettings = ColdSettings()


class CacheSettings(Section):
    """The cache of latest windows."""

    megabytes: int = Field(256, ge=1, description="memory it may take in a process")
    longest: Duration = Field(dt.timedelta(hours=24), description="an entry is never older than this")
    market_hours: bool = Field(True, description="an entry is fresh until the next bar can exist")
    warm: tuple[str, ...] = Field(
        (), description="market/layer/SYMBOL of the windows to load before they are asked for"
    )
    valkey_url: str | None = Field(None, description="valkey://host:port/0 to share it with other processes")


class DatasetSettings(Section):
    """Published datasets: where their manifests are written, and how far apart in time they may be."""

    manifests: Path | None = Field(None, description="folder of immutable manifests; default: <home>/manifests")
    skew_tolerance: Duration = Field(
        dt.timedelta(seconds=1),
        description="how far the newest known_at of datasets that are read together may lie apart",
    )


class WarehouseSettings(Section):
    """Where the SQL marts run."""

    kind: Literal["duckdb", "clickhouse"] = "duckdb"
    url: str | None = Field(None, description="clickhouse: clickhouse://user@host:port/database or chdb:///folder")
    ttl: Duration | None = Field(None, description="clickhouse: age at which its copy of rows goes; null: for ever")

    @model_validator(mode="after")
    def _told(self) -> "WarehouseSettings":
        if self.kind == "clickhouse" and self.url is None:
            raise ValueError("kind clickhouse needs url")
        return self


class ModelRegistrySettings(Section):
    """Where model versions, their metrics and what was fitted before are kept."""

    registry_url: str | None = Field(None, description="SQLAlchemy URL; default: SQLite in <home>")
    keep_fits: Duration | None = Field(
        dt.timedelta(days=90), description="age since its last use at which a kept fit goes; null: never"
    )


class LedgerSettings(Section):
    """Where the order journal and the paper venue's own book live."""

    journal_url: str | None = Field(None, description="SQLAlchemy URL; default: SQLite in <home>, synchronous=FULL")
    paper_venue_url: str | None = Field(None, description="the paper venue's own book; default: SQLite in <home>")

"""The partition store as a Dagster resource, opened once in each process that runs steps."""

import datetime as dt
import json
from pathlib import Path

import dagster as dg
from pydantic import Field, PrivateAttr

from tradepipe.settings import Settings, StoreSettings
from tradepipe.store import PartitionStore
from tradepipe.store.cold import cold_tier
from tradepipe.store.upkeep import Upkeep


class StoreResource(dg.ConfigurableResource["StoreResource"]):
    """Where generations are read and published. Fields are plain, so that the UI shows them."""

    root: str
    catalogue_url: str
    grace_seconds: float
    options: str = "{}"
    """store: pool, replica, tiers, retention, as JSON."""
    intervals: dict[str, str] = Field(default_factory=dict)
    """Length of each market's base bars."""
    _store: PartitionStore | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> "StoreResource":
        return cls(
            root=str(settings.store_folder),
            catalogue_url=settings.catalogue_url,
            grace_seconds=settings.store.grace.total_seconds(),
            options=settings.store.model_dump_json(),
            intervals={name: market.interval for name, market in settings.markets.items()},
        )

    def open(self) -> PartitionStore:
        """The store itself; the catalogue is migrated on first use."""
        if self._store is None:
            grace = dt.timedelta(seconds=self.grace_seconds)
            told = self._settings()
            self._store = PartitionStore.open(
                Path(self.root),
                self.catalogue_url,
                grace,
                cold=cold_tier(told.cold),
                pool=told.pool,
                replica_url=told.replica_url,
            )
        return self._store

    def upkeep(self) -> Upkeep:
        """Compaction, retention, tiers and sweep of the store."""
        return Upkeep(self.open(), self._settings(), self.intervals)

    def _settings(self) -> StoreSettings:
        return StoreSettings.model_validate(json.loads(self.options))

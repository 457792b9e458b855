"""The partition store as a Dagster resource, opened once in each process that runs steps."""

import datetime as dt
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from tradepipe.settings import Settings
from tradepipe.store import PartitionStore


class StoreResource(dg.ConfigurableResource["StoreResource"]):
    """Where generations are read and published. Fields are plain, so that the UI shows them."""

    root: str
    catalogue_url: str
    grace_seconds: float
    _store: PartitionStore | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> "StoreResource":
        return cls(
            root=str(settings.store_folder),
            catalogue_url=settings.catalogue_url,
            grace_seconds=settings.store.grace.total_seconds(),
        )

    def open(self) -> PartitionStore:
        """The store itself; the catalogue is migrated on first use."""
        if self._store is None:
            grace = dt.timedelta(seconds=self.grace_seconds)
            self._store = PartitionStore.open(Path(self.root), self.catalogue_url, grace)
        return self._store

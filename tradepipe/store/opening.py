"""Opening the store that the settings describe."""

from typing import TYPE_CHECKING

from tradepipe.store.cold import cold_tier
from tradepipe.store.store import PartitionStore

if TYPE_CHECKING:
    from tradepipe.settings import Settings


def open_store(settings: "Settings") -> PartitionStore:
    """The project's store: disk, cold tier, catalogue with its pool, and the replica for reports.

    Raises:
        ValueError: when `store.cold.url` is neither s3://bucket/prefix nor file:///folder.
        DatabaseUrlError: for an address that is neither SQLite nor PostgreSQL.
        MigrationError: when the catalogue belongs to a newer tradepipe.
    """
    told = settings.store
    return PartitionStore.open(
        settings.store_folder,
        settings.catalogue_url,
        told.grace,
        cold=cold_tier(told.cold),
        pool=told.pool,
        replica_url=told.replica_url,
    )

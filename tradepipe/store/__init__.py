"""The partition store: immutable generations of partitions, committed in a catalogue."""

from tradepipe.store.catalogue import Catalogue
from tradepipe.store.cold import ColdTier, ColdTierError
from tradepipe.store.database import UtcDateTime, downgrade, migrate, open_engine, writing
from tradepipe.store.drafts import Companion
from tradepipe.store.errors import DatabaseUrlError, DatasetNotFound, MigrationError, StoreBusyError, StoreError
from tradepipe.store.model import Eviction, Generation, Input, Published
from tradepipe.store.opening import open_store
from tradepipe.store.store import PartitionStore

__all__ = [
    "Catalogue",
    "ColdTier",
    "ColdTierError",
    "Companion",
    "DatabaseUrlError",
    "DatasetNotFound",
    "Eviction",
    "Generation",
    "Input",
    "MigrationError",
    "PartitionStore",
    "Published",
    "StoreBusyError",
    "StoreError",
    "UtcDateTime",
    "downgrade",
    "migrate",
    "open_engine",
    "open_store",
    "writing",
]

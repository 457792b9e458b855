"""The partition store: immutable generations of partitions, committed in a catalogue."""

from tradepipe.store.catalogue import Catalogue
from tradepipe.store.database import UtcDateTime, downgrade, migrate, open_engine, writing
from tradepipe.store.drafts import Companion
from tradepipe.store.errors import DatabaseUrlError, DatasetNotFound, MigrationError, StoreBusyError, StoreError
from tradepipe.store.model import Generation, Input, Published
from tradepipe.store.store import PartitionStore

__all__ = [
    "Catalogue",
    "Companion",
    "DatabaseUrlError",
    "DatasetNotFound",
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
    "writing",
]

"""What can go wrong in the store, by name."""

from collections.abc import Sequence

NAMES_SHOWN = 10


class StoreError(RuntimeError):
    """The store cannot do what was asked; the message says why and what to do."""


class DatabaseUrlError(StoreError, ValueError):
    """A database address that this project does not support."""


class MigrationError(StoreError):
    """The database's schema is not one that this version of tradepipe knows how to use."""


class StoreBusyError(StoreError):
    """The catalogue stayed locked by other writers for longer than the busy timeout."""


class DatasetNotFound(StoreError, LookupError):  # noqa: N818 - named like its subject, as LookupErrors are
    """A dataset of which nothing was ever published."""

    def __init__(self, dataset: str, known: Sequence[str]) -> None:
        shown = ", ".join(known[:NAMES_SHOWN]) + (", …" if len(known) > NAMES_SHOWN else "")
        exists = f"the store has {shown}" if known else "the store is empty"
        super().__init__(f"dataset {dataset}: nothing is published; {exists}. Remedy: materialise {dataset} first.")

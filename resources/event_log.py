"""A SQLite event log for Dagster that stores a batch of events in one transaction.

Dagster's own SQLite log opens a connection, compiles its statements and commits to disk for each
event, a batch included: about 10 ms an event, and a backfill reports one for each partition of
each asset. This one keeps its engines, and a batch is one transaction a file.

It rests on two private methods of the parent; `tests/characterization/test_dagster.py` fails
loudly when an upgrade changes them.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import sqlalchemy as sa
from dagster import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._serdes import ConfigurableClassData

BUSY_TIMEOUT_SECONDS = 30
KEPT_ENGINES = 8


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's sharded SQLite event log with kept engines and real batches."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        self._batch = threading.local()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "BatchedSqliteEventLogStorage":
        return cls(inst_data=inst_data, **config_value)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store all of `events`, or none, with one transaction in each file they touch."""
        with self._db_lock, ExitStack() as transactions:
            self._batch.open = {}
            self._batch.transactions = transactions
            try:
                for event in events:
                    self.store_event(event)
            finally:
                del self._batch.open

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        if not hasattr(self._batch, "open"):
            with self._db_lock, self._engine(shard).begin() as connection:
                yield connection
            return
        if shard not in self._batch.open:
            transaction = self._engine(shard).begin()
            self._batch.open[shard] = self._batch.transactions.enter_context(transaction)
        yield self._batch.open[shard]

    def _engine(self, shard: str) -> sa.Engine:
        if shard not in self._engines:
            if len(self._engines) >= KEPT_ENGINES:  # each holds an open file; runs come and go
                oldest = next(name for name in self._engines if name != INDEX_SHARD_NAME)
                self._engines.pop(oldest).dispose()
            engine = sa.create_engine(
                self.conn_string_for_shard(shard),
                pool_size=1,
                max_overflow=4,
                connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
            )
            sa.event.listen(engine, "connect", _relax_synchronous)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            self._engines[shard] = engine
        return self._engines[shard]


def _relax_synchronous(connection: Any, _record: object) -> None:
    # In WAL mode NORMAL never corrupts; a power cut may lose the newest events of a log that
    # records what happened elsewhere. Orders are journaled with FULL.
    connection.execute("PRAGMA synchronous=NORMAL")

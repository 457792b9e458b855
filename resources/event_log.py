"""A SQLite event log for Dagster that stores a batch of events in one transaction.

Dagster's own SQLite log opens a connection, compiles its statements and commits to disk for each
event, a batch included: about 10 ms an event, and a backfill reports one for each partition of
each asset. This one keeps its engines, and a batch is one transaction a file. Verdicts of checks,
which Dagster never batches, are gathered until another event is stored or something is read.

It rests on private methods of the parent; `tests/characterization/test_dagster.py` fails loudly
when an upgrade changes them (docs/decisions/0006).
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import sqlalchemy as sa
from dagster import AssetCheckEvaluation, DagsterEventType, EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._record import replace
from dagster._serdes import ConfigurableClassData, serialize_value

BUSY_TIMEOUT_SECONDS = 30
KEPT_ENGINES = 8
VERDICTS_AT_ONCE = 1000

_IN_BULK = (DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_CHECK_EVALUATION)


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's sharded SQLite event log with kept engines and real batches."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        self._batch = threading.local()
        self._verdicts: list[EventLogEntry] = []
        super().__init__(base_dir, inst_data)
        self._db_lock = threading.RLock()  # what is gathered is stored within another use of the log

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "BatchedSqliteEventLogStorage":
        return cls(inst_data=inst_data, **config_value)

    def store_event(self, event: EventLogEntry) -> None:
        """Store `event`, a check's verdict perhaps a little later: with others, before anything else is done."""
        if hasattr(self._batch, "open") or not _is_verdict(event):
            super().store_event(event)
            return
        with self._db_lock:
            self._verdicts.append(event)
            full = len(self._verdicts) >= VERDICTS_AT_ONCE
        if full:
            self._store_verdicts()

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store all of `events`, or none, with one transaction in each file they touch."""
        self._store_verdicts()
        self._store_together(events)

    def _store_together(self, events: Sequence[EventLogEntry]) -> None:
        with self._db_lock, ExitStack() as transactions:
            self._batch.open = {}
            self._batch.transactions = transactions
            try:
                if len(set(map(_kind, events))) == 1 and events[0].dagster_event_type in _IN_BULK:
                    self._store_alike(events)
                else:
                    for event in events:
                        self.store_event(event)
            finally:
                del self._batch.open

    def dispose(self) -> None:
        """Store what is gathered and close."""
        self._store_verdicts()
        super().dispose()

    def _store_verdicts(self) -> None:
        with self._db_lock:
            gathered, self._verdicts = self._verdicts, []
            by_run: dict[str, list[EventLogEntry]] = {}
            for event in gathered:
                by_run.setdefault(event.run_id, []).append(event)
            for events in by_run.values():
                self._store_together(events)

    def _store_alike(self, events: Sequence[EventLogEntry]) -> None:
        """Materialisations or verdicts of one run, with one statement for all in each table."""
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(sa.insert(SqlEventLogStorageTable), rows)
        with self.index_connection() as connection:
            statement = sa.insert(SqlEventLogStorageTable).returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            ids = list(connection.scalars(statement, rows))
            if _is_verdict(events[0]):
                self._record_verdicts(connection, events, ids, [row["event"] for row in rows])
            else:
                self._store_asset_event_tags(connection, events, ids)
                last = {
                    event.get_dagster_event().asset_key: (event, number)
                    for event, number in zip(events, ids, strict=True)
                }
                for event, number in last.values():  # the asset's row speaks of its newest event only
                    self._store_asset_event(connection, event, number)

    def _record_verdicts(
        self, connection: sa.Connection, events: Sequence[EventLogEntry], ids: Sequence[int], written: Sequence[str]
    ) -> None:
        """`written`: the events as the log has them; to write them out anew costs more than to store them."""
        table = AssetCheckExecutionsTable.c
        planned = connection.execute(
            sa.select(table.id, table.asset_key, table.check_name, table.partition).where(
                table.run_id == events[0].run_id
            )
        )
        places = {(key, name, partition): number for number, key, name, partition in planned}
        updates, others = [], []
        for event, number, text in zip(events, ids, written, strict=True):
            verdict = _verdict(event)
            place = places.get((verdict.asset_key.to_string(), verdict.check_name, verdict.partition))
            if place is None:
                others.append((event, number))
            else:
                updates.append({"at": place, **self._recorded(event, verdict, number, text)})
        if updates:
            connection.execute(sa.update(AssetCheckExecutionsTable).where(table.id == sa.bindparam("at")), updates)
        for event, number in others:  # never planned: a verdict on a partition outside of the run's range
            self.store_asset_check_event(event, number)

    def _recorded(
        self, event: EventLogEntry, verdict: AssetCheckEvaluation, number: int, written: str
    ) -> dict[str, Any]:
        status = AssetCheckExecutionRecordStatus
        target = verdict.target_materialization_data
        return {
            "execution_status": (status.SUCCEEDED if verdict.passed else status.FAILED).value,
            "evaluation_event": written,
            "evaluation_event_timestamp": self._event_insert_timestamp(event),
            "evaluation_event_storage_id": number,
            "materialization_event_storage_id": target.storage_id if target else None,
        }

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        """As the parent, which writes the event again for each partition, the whole subset included.

        The subset names the calendar's exclusions: five years of sessions would write 60 kB a row, 75 MB
        a check. The row of a partition says which one it is; the run's own event keeps the subset.
        """
        whole = event.get_dagster_event()
        planned = whole.asset_check_planned_data
        subset = planned.partitions_subset
        one = whole._replace(event_specific_data=replace(planned, partitions_subset=None))
        row = {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": serialize_value(event._replace(dagster_event=one)),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),
            "evaluation_event_storage_id": event_id,
        }
        keys = subset.get_partition_keys() if subset else [None]
        with self.index_connection() as connection:
            connection.execute(sa.insert(AssetCheckExecutionsTable), [{**row, "partition": key} for key in keys])

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        if not hasattr(self._batch, "open"):
            if self._verdicts:
                self._store_verdicts()
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


def _kind(event: EventLogEntry) -> tuple[str, DagsterEventType | None]:
    return event.run_id, event.dagster_event_type


def _is_verdict(event: EventLogEntry) -> bool:
    # One that belongs to no run (reported by a person) is stored at once.
    return bool(event.run_id) and event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION


def _verdict(event: EventLogEntry) -> AssetCheckEvaluation:
    return event.get_dagster_event().asset_check_evaluation_data


def _relax_synchronous(connection: Any, _record: object) -> None:
    # In WAL mode NORMAL never corrupts; a power cut may lose the newest events of a log that
    # records what happened elsewhere. Orders are journaled with FULL.
    connection.execute("PRAGMA synchronous=NORMAL")

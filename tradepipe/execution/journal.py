"""The order journal: append-only, hash-chained, written before any effect.

Each row's hash is sha256 over the hash of the row before it and the row's own canonical content, so
that changing, removing or inserting a row anywhere breaks every later hash. What a chain alone
cannot show is that its newest rows were cut off; a `Head` noted elsewhere (such as in a
materialisation's metadata) shows that too.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

import sqlalchemy as sa

from tradepipe.execution.canonical import Payload, canonical, instant, sha256_of
from tradepipe.execution.errors import DuplicateEntryError
from tradepipe.execution.tables import journal as table
from tradepipe.store.database import migrate, open_engine, writing

GENESIS = "0" * 64
VERSION_TABLE = "journal_version"
_WRITE_LOCK = "tradepipe journal"
_KEYS_A_QUERY = 500

# Built once: building a statement costs more than running one of these.
_HEAD = sa.select(table.c.seq, table.c.row_hash).order_by(table.c.seq.desc()).limit(1)
_KNOWN_KEYS = sa.select(table.c.key).where(table.c.key.in_(sa.bindparam("keys", expanding=True)))
_INSERT = sa.insert(table)


def utc_now() -> dt.datetime:
    """The wall clock, in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to append. `key` says in words what it is about and is unique in the whole journal.

    `session` is the market's session during which it happened.
    """

    kind: str
    key: str
    market: str
    account: str
    session: dt.date
    payload: Payload
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An appended entry with its place in the chain. `recorded_at` is ISO 8601 text in UTC."""

    seq: int
    prev_hash: str
    row_hash: str
    run_id: str | None
    recorded_at: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row's number and hash; number 0 for an empty journal."""

    seq: int = 0
    row_hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found: rows read, the head, and the first broken row with the reason."""

    rows: int
    head: Head
    broken_seq: int | None = None
    reason: str | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None


class Journal:
    """The journal in one database, SQLite (WAL, synchronous=FULL) or PostgreSQL.

    Appends are serialised across processes. `clock` gives the time that rows record.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.engine = engine
        self._clock = clock

    @classmethod
    def open(cls, url: str, clock: Callable[[], dt.datetime] = utc_now) -> Self:
        """Open the journal at a database URL; create or migrate it first.

        Raises:
            tradepipe.store.errors.DatabaseUrlError: for an address that is not supported.
        """
        engine = open_engine(url, durable=True)
        revisions = resources.files("tradepipe.execution") / "migrations" / "journal"
        migrate(engine, revisions, version_table=VERSION_TABLE)
        return cls(engine, clock)

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()

    def append(self, entries: Sequence[Entry], run_id: str | None = None) -> list[Row]:
        """Append all of `entries` in one durable commit, or none of them.

        Raises:
            DuplicateEntryError: if one of their keys is in the journal already, or twice among them.
        """
        if not entries:
            return []
        texts = [canonical(entry.payload) for entry in entries]
        with writing(self.engine, _WRITE_LOCK) as connection:
            _refuse_duplicates(connection, [entry.key for entry in entries])
            head, recorded_at = _head(connection), instant(self._clock())
            rows: list[Row] = []
            for entry, text in zip(entries, texts, strict=True):
                row_hash = _hash(head, entry, text, run_id, recorded_at)
                rows.append(Row(head.seq + 1, head.row_hash, row_hash, run_id, recorded_at, entry))
                head = Head(head.seq + 1, row_hash)
            values = [_values(row, text) for row, text in zip(rows, texts, strict=True)]
            connection.execute(_INSERT, values)
        return rows

    def rows(
        self, *, market: str | None = None, account: str | None = None, client_order_id: str | None = None
    ) -> Iterator[Row]:
        """Rows in order, of one market, account or order if asked; read from one snapshot."""
        query = sa.select(table).order_by(table.c.seq)
        wanted = {"market": market, "account": account, "client_order_id": client_order_id}
        for name, value in wanted.items():
            if value is not None:
                query = query.where(table.c[name] == value)
        with self.engine.connect() as connection:
            for found in connection.execution_options(yield_per=1000).execute(query):
                yield _row(found)

    def head(self) -> Head:
        """The newest row's number and hash."""
        with self.engine.connect() as connection:
            return _head(connection)

    def verify(self, witness: Head | None = None) -> Verification:
        """Recompute the whole chain; `witness` is a head noted earlier, which must still be in it."""
        head, seen = Head(), witness is None or witness == Head()
        with self.engine.connect() as connection:
            query = sa.select(table).order_by(table.c.seq)
            for found in connection.execution_options(yield_per=1000).execute(query):
                reason = _fault(head, found)
                if reason is not None:
                    return Verification(head.seq, head, found.seq, reason)
                head = Head(found.seq, found.row_hash)
                seen = seen or head == witness
        if not seen and witness is not None:
            return Verification(head.seq, head, witness.seq, f"the journal ends without the noted row {witness.seq}")
        return Verification(head.seq, head)


def _head(connection: sa.Connection) -> Head:
    newest = connection.execute(_HEAD).first()
    return Head() if newest is None else Head(newest.seq, newest.row_hash)


def _refuse_duplicates(connection: sa.Connection, keys: Sequence[str]) -> None:
    twice = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
    for start in range(0, len(keys), _KEYS_A_QUERY):
        part = keys[start : start + _KEYS_A_QUERY]
        twice.update(connection.scalars(_KNOWN_KEYS, {"keys": part}))
    if twice:
        raise DuplicateEntryError(sorted(twice))


def _hash(before: Head, entry: Entry, payload: str, run_id: str | None, recorded_at: str) -> str:
    told = [
        before.seq + 1,
        entry.kind,
        entry.key,
        entry.market,
        entry.account,
        entry.client_order_id,
        entry.session.isoformat(),
        run_id,
        recorded_at,
        payload,
    ]
    return sha256_of(before.row_hash + canonical(told))


def _values(row: Row, payload: str) -> dict[str, Any]:
    entry = row.entry
    return {
        "seq": row.seq,
        "prev_hash": row.prev_hash,
        "row_hash": row.row_hash,
        "kind": entry.kind,
        "key": entry.key,
        "market": entry.market,
        "account": entry.account,
        "client_order_id": entry.client_order_id,
        "session": entry.session,
        "run_id": row.run_id,
        "recorded_at": row.recorded_at,
        "payload": payload,
    }


def _entry(found: sa.Row[Any], payload: Payload) -> Entry:
    return Entry(found.kind, found.key, found.market, found.account, found.session, payload, found.client_order_id)


def _row(found: sa.Row[Any]) -> Row:
    entry = _entry(found, json.loads(found.payload))
    return Row(found.seq, found.prev_hash, found.row_hash, found.run_id, found.recorded_at, entry)


def _fault(before: Head, found: sa.Row[Any]) -> str | None:
    if found.seq != before.seq + 1:
        return f"row {before.seq + 1} is missing"
    if found.prev_hash != before.row_hash:
        return f"row {found.seq} does not continue row {before.seq}"
    expected = _hash(before, _entry(found, {}), found.payload, found.run_id, found.recorded_at)
    return None if expected == found.row_hash else f"row {found.seq} was changed after it was written"

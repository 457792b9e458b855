"""Opening a database, migrating it, and taking the one write lock: the same on SQLite and PostgreSQL.

The catalogue and the order ledger both stand on this module, each with its own folder of Alembic
revisions and its own version table.
"""

import datetime as dt
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from tradepipe.settings import PoolSettings
from tradepipe.store.errors import DatabaseUrlError, MigrationError, StoreBusyError

if TYPE_CHECKING:
    from alembic.config import Config

BUSY_TIMEOUT = dt.timedelta(seconds=60)
"""How long a writer waits for the writers before it."""

_WRITE = "tradepipe_write"
_REVISION_FILE = re.compile(r"(\d{4})_\w+\.py")
_PG_LOCK_NOT_AVAILABLE = "55P03"


class UtcDateTime(sa.TypeDecorator[dt.datetime]):
    """An instant: aware datetimes in, UTC datetimes out, microseconds kept on both databases."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; instants are stored in UTC")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def open_engine(url: str, *, durable: bool, pool: PoolSettings | None = None) -> sa.Engine:
    """An engine for `url`: `sqlite:///file` or `postgresql://…`; nothing is connected yet.

    SQLite runs in WAL mode with foreign keys on and waits `BUSY_TIMEOUT` for a lock. `durable` asks
    for synchronous=FULL, so that a commit survives a power cut; without it (NORMAL) the last commits
    may be lost then, but never torn. PostgreSQL is durable as its server is configured; `pool` says how
    many connections a process holds to it (default: the settings' defaults). A plain
    `postgresql://` address means psycopg2 here, whatever SQLAlchemy's default is.

    Raises:
        DatabaseUrlError: when the address is malformed or names another database.
    """
    try:
        address = sa.make_url(url)
    except exc.ArgumentError as error:
        raise DatabaseUrlError(f"{url!r} is no database URL. Remedy: sqlite:///file or postgresql://…") from error
    if address.get_backend_name() == "sqlite":
        return _open_sqlite(address, durable=durable)
    if address.get_backend_name() == "postgresql":
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg2")
        told = pool or PoolSettings()
        return sa.create_engine(
            address,
            pool_pre_ping=True,
            pool_size=told.size,
            max_overflow=told.overflow,
            pool_recycle=int(told.recycle.total_seconds()),
            pool_timeout=BUSY_TIMEOUT.total_seconds(),
        )
    raise DatabaseUrlError(
        f"{address.render_as_string(hide_password=True)}: database {address.get_backend_name()} is not supported. "
        "Remedy: sqlite:///file or postgresql://…"
    )


@contextmanager
def writing(engine: sa.Engine, lock: str = "tradepipe") -> Iterator[sa.Connection]:
    """A transaction that no other `writing` of the same `lock` overlaps; commits at the end of the block.

    SQLite has one writer a file and takes its lock at once (BEGIN IMMEDIATE), so that no reader has
    to be promoted later. On PostgreSQL it is an advisory lock of that name, held until the
    transaction ends, so that what the block reads cannot change before it commits.

    Raises:
        StoreBusyError: when other writers hold the lock for longer than `BUSY_TIMEOUT`.
    """
    with engine.connect().execution_options(**{_WRITE: True}) as connection:
        try:
            connection.begin()
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text(f"SET LOCAL lock_timeout = {int(BUSY_TIMEOUT.total_seconds() * 1000)}"))
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:lock, 0))"), {"lock": lock})
        except exc.OperationalError as error:
            if _is_busy(error.orig):
                where = engine.url.render_as_string(hide_password=True)
                waited = f"{BUSY_TIMEOUT.total_seconds():g} s"
                raise StoreBusyError(
                    f"{where}: locked by another writer for more than {waited}. Remedy: end it, then run again."
                ) from error
            raise
        yield connection
        connection.commit()


def migrate(engine: sa.Engine, revisions: Path | Traversable, *, version_table: str) -> None:
    """Bring the database to the newest Alembic revision of the folder `revisions`.

    Safe when many processes start at once: each takes the write lock, and all but the first find
    the work done. Everything is one transaction, so that a killed migration leaves nothing behind.
    Files are called `0001_what.py`, their revision is "0001", and history is linear: a database that
    is up to date is recognised by one query, without importing Alembic.

    Raises:
        MigrationError: when the database is at a revision that this folder does not have.
    """
    head = newest_revision(revisions)
    if revision_of(engine, version_table) == head:
        return
    with writing(engine, f"migrate {version_table}") as connection:
        # Another process may have migrated, even beyond us, while this one waited for the lock.
        found = _revision(connection, version_table)
        if found is not None and found > head:
            where = engine.url.render_as_string(hide_password=True)
            raise MigrationError(
                f"{where}: {version_table} is at revision {found}, this tradepipe knows {head} at most. "
                "Remedy: install the newer tradepipe, or use another database."
            )
        _alembic("upgrade", connection, revisions, version_table, "head")


def downgrade(engine: sa.Engine, revisions: Path | Traversable, *, version_table: str, revision: str) -> None:
    """Take the database back to `revision`: a name, "-1" for one step, or "base" for an empty schema."""
    with writing(engine, f"migrate {version_table}") as connection:
        _alembic("downgrade", connection, revisions, version_table, revision)


def revision_of(engine: sa.Engine, version_table: str) -> str | None:
    """The revision the database is at; None before the first migration."""
    with engine.connect() as connection:
        return _revision(connection, version_table)


def newest_revision(revisions: Path | Traversable) -> str:
    """The revision of the last file in the folder, by its name."""
    found = [match[1] for entry in revisions.iterdir() if (match := _REVISION_FILE.fullmatch(entry.name))]
    if not found:
        raise MigrationError(f"{revisions}: no migration files such as 0001_what.py")
    return max(found)


def _revision(connection: sa.Connection, version_table: str) -> str | None:
    if not sa.inspect(connection).has_table(version_table):
        return None
    table = sa.table(version_table, sa.column("version_num", sa.String))
    return connection.scalar(sa.select(table.c.version_num))


def _alembic(
    command: str, connection: sa.Connection, revisions: Path | Traversable, version_table: str, revision: str
) -> None:
    import alembic.command  # noqa: PLC0415 - half a CPU second, paid only when there is something to migrate

    config = _alembic_config(connection, revisions, version_table)
    getattr(alembic.command, command)(config, revision)


def _alembic_config(connection: sa.Connection, revisions: Path | Traversable, version_table: str) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    settings = {
        "script_location": str(Path(__file__).parent / "migrations"),
        "version_locations": str(revisions),
        "path_separator": "newline",  # the only separator that no sensible path contains
    }
    for key, value in settings.items():
        config.set_main_option(key, value.replace("%", "%%"))
    config.attributes.update(connection=connection, version_table=version_table)
    return config


def _open_sqlite(address: sa.URL, *, durable: bool) -> sa.Engine:
    if not address.database or address.database == ":memory:":
        raise DatabaseUrlError(f"{address}: name a file; processes share the database. Remedy: sqlite:///file")
    Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, connect_args={"timeout": BUSY_TIMEOUT.total_seconds()})

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling begins late and commits before DDL; BEGIN is ours.
        connection.isolation_level = None
        _use_wal(connection)
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        is_writing = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL. The switch does not wait for locks by itself, so it is tried again."""
    deadline = time.monotonic() + BUSY_TIMEOUT.total_seconds()
    while True:
        try:
            if connection.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",):
                return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise StoreBusyError("the SQLite file cannot be switched to WAL mode. Remedy: use a local disk")
        time.sleep(0.01)


def _is_busy(error: Any) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return getattr(error, "pgcode", None) == _PG_LOCK_NOT_AVAILABLE

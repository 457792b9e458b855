"""One process trades an account at a time.

The journal's unique keys and the venue's unique client ids keep two writers from doubling an order;
the lease keeps them from meeting at all. It ends with its process, however that ends: a file lock
beside an SQLite journal, a session-level advisory lock in PostgreSQL.
"""

import datetime as dt
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from tradepipe.execution.errors import LeaseHeldError, LeaseLostError

PATIENCE = dt.timedelta(seconds=120)
_POLL_SECONDS = 0.05

StillHeld = Callable[[], None]
"""Raises LeaseLostError when the lease is gone."""


@contextmanager
def lease(engine: sa.Engine, name: str, patience: dt.timedelta = PATIENCE) -> Iterator[StillHeld]:
    """Hold the lease `name` during the block; yield the check that it is still held.

    Raises:
        LeaseHeldError: when another process still holds it after `patience`.
    """
    take = _file_lease if engine.dialect.name == "sqlite" else _advisory_lease
    with take(engine, name, patience) as still_held:
        yield still_held


@contextmanager
def _file_lease(engine: sa.Engine, name: str, patience: dt.timedelta) -> Iterator[StillHeld]:
    path = Path(f"{engine.url.database}.{name.replace('/', '.')}.lock")
    with path.open("a") as file:

        def taken() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        _wait(taken, name, patience)
        yield lambda: None  # the kernel keeps the lock as long as the process lives


@contextmanager
def _advisory_lease(engine: sa.Engine, name: str, patience: dt.timedelta) -> Iterator[StillHeld]:
    lock = {"name": f"tradepipe lease {name}"}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:

        def taken() -> bool:
            query = sa.text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
            return bool(connection.scalar(query, lock))

        def still_held() -> None:
            try:
                connection.execute(sa.text("SELECT 1"))
            except exc.DBAPIError as error:
                raise LeaseLostError(name) from error

        _wait(taken, name, patience)
        try:
            yield still_held
        finally:
            # The pool would keep the session, and the lock with it. A broken session has no lock.
            connection.invalidate()


def _wait(taken: Callable[[], bool], name: str, patience: dt.timedelta) -> None:
    deadline = time.monotonic() + patience.total_seconds()
    while not taken():
        if time.monotonic() >= deadline:
            raise LeaseHeldError(name, patience)
        time.sleep(_POLL_SECONDS)

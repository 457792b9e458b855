"""Counting what is asked of a database: statements and commits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

_QUERIES = ("SELECT", "WITH")
_NOT_OURS = ("BEGIN", "PRAGMA", "SET", "SHOW", "SELECT PG_ADVISORY")


@dataclass
class Counters:
    """Statements sent to a database and commits of it, counted while `counting` lasts.

    `queries` read, `writes` change rows. A statement that is sent once for each of many rows counts as
    often; one that carries many rows at once counts once. Taking locks and beginning do not count.
    """

    queries: int = 0
    writes: int = 0
    commits: int = 0

    @property
    def statements(self) -> int:
        return self.queries + self.writes


@contextmanager
def counting(engine: sa.Engine) -> Iterator[Counters]:
    """Count what any thread of this process asks of `engine` until the block ends."""
    counters = Counters()

    def sent(_connection: sa.Connection, _cursor: Any, text: str, parameters: Sequence[Any], *told_of: Any) -> None:
        _context, many = told_of
        told = text.lstrip().upper()
        if told.startswith(_NOT_OURS):
            return
        if told.startswith(_QUERIES):
            counters.queries += 1
        else:
            # The drivers' bulk insert is one statement; other statements go out row by row.
            counters.writes += len(parameters) if many and not told.startswith("INSERT") else 1

    def committed(_connection: sa.Connection) -> None:
        counters.commits += 1

    event.listen(engine, "before_cursor_execute", sent)
    event.listen(engine, "commit", committed)
    try:
        yield counters
    finally:
        event.remove(engine, "before_cursor_execute", sent)
        event.remove(engine, "commit", committed)

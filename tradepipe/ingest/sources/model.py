"""What every source speaks of: deliveries, failures, and what has landed so far."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tradepipe.ingest.sources.landed import Landed


@dataclass(frozen=True)
class Delivery:
    """One file to land.

    `name` is its POSIX path below the landing folder: the same for the same content, whoever fetches
    it. `content` is its bytes, or a file of ours that may be moved. `modified`, where it is known, is
    kept as the landed file's time. `symbol`, `first` and `last` say what progress it makes: open times
    (UTC) of its first and last row; None where the source does not look inside.
    """

    name: str
    content: bytes | Path = field(repr=False)
    symbol: str | None = None
    rows: int | None = None
    first: dt.datetime | None = None
    last: dt.datetime | None = None
    modified: dt.datetime | None = None


@dataclass(frozen=True)
class Failure:
    """What could not be fetched, why, and what a person can do. It never stops the others."""

    what: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}. Remedy: {self.remedy}"


class Source(Protocol):
    """Brings files to the landing folder. It keeps no state: `Landed` says what is there already."""

    def deliveries(self, landed: Landed, *, limit: int | None = None) -> Iterator[Delivery | Failure]:
        """What has not landed yet, in an order that depends on the content alone.

        Nothing is asked for when nothing is missing. At most `limit` deliveries; failures do not count.
        Deliveries are fetched while they are iterated over, `workers` at a time: land each as it comes.
        """
        ...

    def close(self) -> None:
        """Give back connections. The source opens new ones if it is used again."""
        ...


class SourceFailedError(RuntimeError):
    """Nothing of a source can be fetched; the message names it and says what to do."""

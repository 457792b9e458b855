"""The landed files of the layers beside the chain: which of them each partition is read from."""

import datetime as dt
import functools
import hashlib
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from tradepipe.markets import Market

SUFFIXES = frozenset({".parquet", ".feather"})

_SPAN = re.compile(r"(\d{8}T\d{6})-(\d{8}T\d{6})")
# A payment stamped shortly before midnight is due at midnight: its partition is the next day's.
_EARLY = dt.timedelta(minutes=30)
# What was written within the coarsest clock tick of being hashed is not known by its times.
_TICK_NS = 2_000_000_000


@dataclass(frozen=True)
class DerivativeFile:
    """One landed file: its POSIX path below the landing folder, and the first and last date it can hold rows of.

    The dates are the market's: what a file says of other dates is refused in the nearest partition.
    """

    name: str
    path: Path
    first: dt.date
    last: dt.date

    def sha256(self) -> str:
        """Digest of its bytes; read once for as long as the file's times and size stay."""
        state = self.path.stat()
        if time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) < _TICK_NS:
            return _digest(self.path)
        return _remembered(self.path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


def derivative_files(folder: Path, data: str, market: Market) -> list[DerivativeFile]:
    """The files of `market`'s kind of data (`funding`, `mark`, ...) below landing folder `folder`, by name.

    Of two files with one row the later by name stands: its order is part of what sources promise.
    """
    found = (folder / market.name / data).rglob("*")
    files = [(path.relative_to(folder).as_posix(), path) for path in found if path.suffix in SUFFIXES]
    return [DerivativeFile(name, path, *_dates(path.name, market)) for name, path in sorted(files)]


def files_by_partition(
    files: Iterable[DerivativeFile], market: Market, keys: Collection[str]
) -> dict[str, list[DerivativeFile]]:
    """Which files each of `keys` is read from, in their order; keys without any are left out."""
    wanted, spans = set(keys), dict[tuple[dt.date, dt.date], list[str]]()
    found: dict[str, list[DerivativeFile]] = {}
    for file in files:
        span = (file.first, file.last)
        if span not in spans:
            spans[span] = [key for key in market.partitions.keys(*span) if key in wanted]
        for key in spans[span]:
            found.setdefault(key, []).append(file)
    return found


def _dates(name: str, market: Market) -> tuple[dt.date, dt.date]:
    """The dates that the name says, or all of the market's where it says none."""
    start, end = market.dates
    said = _SPAN.match(name)
    if said is None:
        return start, end
    try:
        first, last = (dt.datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC) for text in said.groups())
    except ValueError:  # digits that are no date
        return start, end
    days = sorted((first.date(), (last + _EARLY).date()))
    return min(max(days[0], start), end), min(max(days[1], start), end)


@functools.lru_cache(maxsize=1 << 17)
def _remembered(path: Path, *_state: int) -> str:
    return _digest(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

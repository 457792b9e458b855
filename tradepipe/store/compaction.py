"""Compaction: a month's session files become one file, sorted by symbol and time.

The partitions stay what they are: each keeps its key, its generation's id, content and lineage, and
becomes a slice of the month's file. The order of steps makes a crash harmless: the new file is
written beside the old ones and compared with them row by row; one transaction then moves all its
generations there; the old files stay for the grace period, and the sweep removes them.
"""

import datetime as dt
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import sqlalchemy as sa

from tradepipe.store import files
from tradepipe.store.ages import age, month_of
from tradepipe.store.database import writing
from tradepipe.store.errors import StoreError
from tradepipe.store.merging import Merged
from tradepipe.store.model import HOT, Generation
from tradepipe.store.moving import each, in_place, retire
from tradepipe.store.reading import scan
from tradepipe.store.tables import generations

if TYPE_CHECKING:
    from tradepipe.store.store import PartitionStore

Checkpoint = Callable[[str], None]


@dataclass(frozen=True)
class Month:
    """Partitions of one dataset and month, of one contract and the same columns, whose rows lie in several files."""

    dataset: str
    month: str
    generations: tuple[Generation, ...]

    @property
    def files(self) -> int:
        """Files that hold them now."""
        return len({one.path for one in self.generations})

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.generations)

    @property
    def size(self) -> int:
        """Bytes of these files."""
        return sum({one.path: one.size for one in self.generations}.values())


@dataclass(frozen=True)
class Compacted:
    """A month that was compacted: into which file of how many bytes."""

    month: Month
    path: str
    size: int


def plan(
    store: "PartitionStore", now: dt.datetime, after: dt.timedelta, datasets: Iterable[str] | None = None
) -> list[Month]:
    """Months that ended `after` before `now` or earlier, and lie in more than one file.

    A month of which a session was published again lies in two. Months whose partitions follow
    different versions of their contract, or have different columns, are compacted for each alone.
    """
    found: list[Month] = []
    for dataset in store.catalogue.datasets() if datasets is None else datasets:
        months: dict[tuple[str, str, str], list[Generation]] = defaultdict(list)
        for partition, one in store.catalogue.current(dataset).items():
            month = month_of(partition)
            ended = age(month, now) if month else None
            if month and ended is not None and ended >= after:
                months[month, one.contract, one.contract_version].append(one)
        chosen = [Month(dataset, month, tuple(held)) for (month, *_), held in sorted(months.items())]
        found += [part for month in chosen if month.files > 1 for part in _alike(store, month) if part.files > 1]
    return found


def _alike(store: "PartitionStore", month: Month) -> list[Month]:
    """`month` in parts of the same columns: those of a market's indicators follow its settings."""
    by_code: dict[str, Generation] = {one.code_version: one for one in month.generations}
    if len(by_code) == 1:
        return [month]
    try:
        columns = {code: scan(store.addresses, [one]).collect_schema() for code, one in by_code.items()}
    except (OSError, pl.exceptions.PolarsError):  # compacting it tells what is wrong, and goes on to other months
        return [month]
    parts: dict[tuple[tuple[str, pl.DataType], ...], list[Generation]] = defaultdict(list)
    for one in month.generations:
        parts[tuple(columns[one.code_version].items())].append(one)
    return [replace(month, generations=tuple(held)) for held in parts.values()]


def compact(
    store: "PartitionStore",
    months: Sequence[Month],
    *,
    clock: Callable[[], dt.datetime],
    checkpoint: Checkpoint = lambda _step: None,
) -> list[Compacted]:
    """Compact each of `months`; those that were superseded or swept meanwhile are left as they are.

    `checkpoint` is called with the name of each step just after it: "written", "verified", "synced",
    "visible", "moved", "committed".

    Raises:
        StoreError: when a file is not what the catalogue says, or the new one not what it was made
            from; that month is unchanged, all others are compacted before it is raised.
        ColdTierError: when a file lies in the cold tier, which cannot be reached.
    """
    done = each(months, lambda month: _compact(store, month, clock, checkpoint))
    return [one for one in done if one is not None]


def _compact(
    store: "PartitionStore", month: Month, clock: Callable[[], dt.datetime], checkpoint: Checkpoint
) -> Compacted | None:
    _check_sources(store, month)
    path = f"{month.dataset}/{month.month}-{uuid.uuid4().hex[:16]}{files.SUFFIX}"
    temporary, final = store.root / (path + files.TEMPORARY), store.root / path
    try:
        merged = Merged.of(store.addresses, month.generations)
        merged.write(temporary)
        checkpoint("written")
        merged.verify(temporary)
        file = files.StoredFile(path, temporary.stat().st_size, _sha256(temporary))
        checkpoint("verified")
        files.sync_temporary(store.root, file)
        checkpoint("synced")
        files.rename_temporary(store.root, file)
        files.sync_folders(store.root, [file])
        checkpoint("visible")
        with writing(store.catalogue.engine) as connection:
            moved = final.is_file() and _move(connection, month, file, clock())
            checkpoint("moved")
    except BaseException:
        # Nothing refers to it, or the commit's fate is unknown; then the sweep finds out.
        temporary.unlink(missing_ok=True)
        raise
    if not moved:
        final.unlink(missing_ok=True)
        return None
    checkpoint("committed")
    return Compacted(month, path, file.size)


def _check_sources(store: "PartitionStore", month: Month) -> None:
    """What is copied is what was published: a broken file must not become the only copy."""
    for one in {one.path: one for one in month.generations}.values():
        found = store.sha256(one)
        if found != one.sha256:
            told = "is missing" if found is None else f"has sha256 {found}, the catalogue says {one.sha256}"
            raise StoreError(
                f"{month.dataset} {one.partition}: {one.path} {told}; the month was not compacted. "
                "Remedy: restore it from a backup, or materialise the partition again."
            )


def _move(connection: sa.Connection, month: Month, file: files.StoredFile, now: dt.datetime) -> bool:
    """Point the generations to their slices of `file`; False when all of their files are gone."""
    # Superseded generations that share the rows move too, so that nothing refers to the old files.
    places = {(one.path, one.tier, one.slice): number for number, one in enumerate(month.generations)}
    conditions = [(in_place(*place), number) for place, number in places.items()]
    moved = connection.execute(
        sa.update(generations)
        .where(sa.or_(*[condition for condition, _ in conditions]))
        .values(slice=sa.case(*conditions), path=file.path, tier=HOT, size=file.size, sha256=file.sha256)
    )
    if not moved.rowcount:
        return False
    retire(connection, sorted({(path, tier) for path, tier, _ in places}), "compacted", now)
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

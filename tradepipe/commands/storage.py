"""`tradepipe storage`: what the store holds where, and its upkeep by hand."""

import datetime as dt
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tradepipe.commands.project import Project
from tradepipe.store import Generation
from tradepipe.store.export import export
from tradepipe.store.model import COLD, HOT
from tradepipe.store.upkeep import Upkeep, policies_of

MEGABYTE = 1e6


def upkeep(project: Project) -> Upkeep:
    """The upkeep of the project's store, by its settings."""
    intervals = {name: market.settings.interval for name, market in project.markets.items()}
    return Upkeep(project.store, project.settings.store, intervals)


def show_compact(project: Project, console: Console, now: dt.datetime, *, dry_run: bool) -> None:
    """Compact the months that are due, and say which."""
    found = upkeep(project).compact(now, dry_run=dry_run)
    table = Table("dataset", "month", "sessions", "files", "MB", "rows", box=None, pad_edge=False)
    for one in found:
        megabytes = f"{one.size / MEGABYTE:,.1f}"
        table.add_row(one.dataset, one.month, str(len(one.generations)), str(one.files), megabytes, f"{one.rows:,}")
    _say(console, table, len(found), "months compacted", "months to compact", dry_run=dry_run)


def show_clean(project: Project, console: Console, now: dt.datetime, *, before: dt.date | None, dry_run: bool) -> None:
    """Evict partitions by retention, remove the files that nobody needs, and list both."""
    keeper = upkeep(project)
    # The files go by what the catalogue says before: of what is evicted now, readers have the grace period.
    removed = keeper.sweep(now, dry_run=dry_run)
    evicted = keeper.evict(now, before=before, dry_run=dry_run)
    table = Table("evicted", "partition", "rows", "sha256", "because", box=None, pad_edge=False)
    for due in evicted:
        one = due.generation
        table.add_row(one.dataset, one.partition, f"{one.rows:,}", one.sha256[:12], due.reason)
    _say(console, table, len(evicted), "partitions evicted", "partitions to evict", dry_run=dry_run)
    for path in removed:
        console.print(path, soft_wrap=True)
    console.print(f"{len(removed)} files {'to remove' if dry_run else 'removed'}.")


def show_tier(project: Project, console: Console, now: dt.datetime, *, dry_run: bool) -> None:
    """Move old files to the cold tier, and list them."""
    if project.store.cold is None:
        console.print("There is no cold tier: store.cold.url is not set, everything stays on the disk.")
        return
    moves = upkeep(project).tier(now, dry_run=dry_run)
    table = Table("file", "partitions", "MB", box=None, pad_edge=False)
    for move in moves:
        span = move.partitions[0] + (f" to {move.partitions[-1]}" if len(move.partitions) > 1 else "")
        table.add_row(move.path, span, f"{move.size / MEGABYTE:,.1f}")
    _say(console, table, len(moves), f"files moved to {project.store.cold.url}", "files to move", dry_run=dry_run)


def show_export(  # noqa: PLR0913 - what is exported, and where to
    project: Project, console: Console, dataset: str, folder: Path, *, symbols: list[str], partitions: list[str]
) -> None:
    """Write one file a symbol and session, and say how many."""
    files = export(project.store, dataset, folder, partitions=partitions or None, symbols=symbols or None)
    console.print(f"{dataset}: {len(files)} files in {folder}.", soft_wrap=True)


def show_storage(project: Project, console: Console) -> None:
    """What each dataset holds in which tier, what was evicted, and which policy holds."""
    catalogue = project.store.reports
    datasets = catalogue.datasets()
    evicted: dict[str, int] = defaultdict(int)
    for eviction in catalogue.evicted():
        evicted[eviction.dataset] += 1
    intervals = {name: market.settings.interval for name, market in project.markets.items()}
    names = sorted({*datasets, *evicted})
    policies = policies_of(project.settings.store.retention, intervals, names)
    columns = ("dataset", "partitions", "files", "compacted", "hot MB", "cold MB", "evicted", "kept")
    table = Table(*columns, box=None, pad_edge=False)
    for name in names:
        current = list(catalogue.current(name).values())
        policy = policies.get(name)
        table.add_row(
            name,
            f"{len(current):,}",
            f"{len({one.path for one in current}):,}",
            f"{sum(one.slice is not None for one in current):,}",
            _megabytes(current, HOT),
            _megabytes(current, COLD),
            f"{evicted[name]:,}",
            "for ever" if policy is None or policy.keep is None else f"{policy.keep.days} days",
        )
    console.print(table)


def _megabytes(current: list[Generation], tier: str) -> str:
    sizes = {one.path: one.size for one in current if one.tier == tier}
    return f"{sum(sizes.values()) / MEGABYTE:,.1f}" if sizes else "-"


def _say(  # noqa: PLR0913 - what is said
    console: Console, table: Table, count: int, done: str, ahead: str, *, dry_run: bool
) -> None:
    if count:
        console.print(table)
    console.print(f"{count} {ahead if dry_run else done}.")

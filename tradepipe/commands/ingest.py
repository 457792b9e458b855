"""`tradepipe ingest`: bring to the landing folder what a market's source has and we do not."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from tradepipe.commands.project import Project
from tradepipe.ingest.sources import Failure
from tradepipe.ingest.sources.ingesting import Ingested, ingest
from tradepipe.markets import Market

SHOWN = 20


class IngestFailedError(RuntimeError):
    """Some of what was asked for could not be fetched; each is named with its remedy."""


def show_ingests(project: Project, name: str | None, console: Console, *, full: bool) -> None:
    """Ingest the named market, or all, and print what came. One market never stops the others.

    Raises:
        IngestFailedError: naming each symbol, object or market that could not be fetched.
    """
    failures: list[Failure] = []
    for market in project.chosen(name):
        done = ingest(market, project.store, project.settings.landing_folder, full=full)
        _show(done, market, console, project.settings.landing_folder)
        failures += done.failures
    if failures:
        lines = [f"{len(failures)} could not be fetched, everything else has landed:"]
        lines += [f"  {failure}" for failure in failures[:SHOWN]]
        lines += [f"  … and {len(failures) - SHOWN} more"] if len(failures) > SHOWN else []
        raise IngestFailedError("\n".join(lines))


def _show(done: Ingested, market: Market, console: Console, folder: Path) -> None:
    if not done.has_source:
        console.print(f"{market.name}: others deliver its files, to {folder / market.settings.source.pattern}.")
        return
    console.print(
        f"{market.name}: {done.fetched:,} files fetched with {done.rows:,} rows, {len(done.landed):,} new, "
        f"{len(done.failures):,} failed."
    )
    new = [(name, count) for name, count in sorted(done.by_symbol.items()) if count]
    if not new:
        return
    table = Table("symbol or file", "new files", box=None, pad_edge=False)
    for name, count in new[:SHOWN]:
        table.add_row(name, f"{count:,}")
    console.print(table)
    if len(new) > SHOWN:
        console.print(f"… and {len(new) - SHOWN} more")
    console.print("`tradepipe run` computes what they change.")

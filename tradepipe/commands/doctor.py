"""`tradepipe doctor`: is everything there that the system needs?"""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tradepipe.chain import LAYERS, research
from tradepipe.commands.kernels import kernels_kept
from tradepipe.commands.project import Project
from tradepipe.execution import Journal
from tradepipe.indicators import features_of
from tradepipe.markets import Market

MIN_FREE_BYTES = 500 * 2**20
MIN_PYTHON = (3, 11)


def examine(project: Project, console: Console) -> bool:
    """Print one line a check; True if all are well."""
    table = Table("", "check", "found", box=None, pad_edge=False)
    well = True
    for name, check in _checks(project):
        try:
            found, good = check(), True
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its finding
            found, good = str(error) or type(error).__name__, False
        well &= good
        table.add_row("ok" if good else "FAILED", name, found)
    console.print(table)
    return well


def _checks(project: Project) -> Iterator[tuple[str, Callable[[], str]]]:
    settings = project.settings
    yield "python", _python
    yield "configuration", lambda: f"{settings.environment}, markets: {', '.join(settings.markets)}"
    yield "home", lambda: _writable(settings.home)
    yield "free space", lambda: _free_space(settings.home)
    yield "catalogue", lambda: f"{len(project.store.catalogue.datasets())} datasets in {settings.catalogue_url}"
    yield "journal", lambda: _journal(settings.journal_url)
    yield "kernels", kernels_kept
    for market in project.markets.values():
        yield f"market {market.name}", lambda market=market: _market(project, market)  # type: ignore[misc]


def _market(project: Project, market: Market) -> str:
    for name in research(market):
        LAYERS[name].reads(market)  # refuses what the market's own settings cannot give
    indicators = len(features_of(market))
    return (
        f"{len(market.universe.instruments)} instruments, {len(project.keys(market))} partitions, "
        f"{indicators} indicators"
    )


def _python() -> str:
    if sys.version_info < MIN_PYTHON:
        raise RuntimeError(f"Python {sys.version.split()[0]}; 3.11 or newer is needed")
    return sys.version.split()[0]


def _writable(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".doctor"
    probe.write_text("ok")
    probe.unlink()
    return str(folder)


def _free_space(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise RuntimeError(f"{free / 2**20:.0f} MiB free; at least {MIN_FREE_BYTES / 2**20:.0f} MiB are needed")
    return f"{free / 2**30:.0f} GiB"


def _journal(url: str) -> str:
    found = Journal.open(url).verify()
    if not found.ok:
        raise RuntimeError(f"row {found.broken_seq}: {found.reason}. Restore the journal from its backup.")
    return f"{found.rows} rows, hash chain intact"

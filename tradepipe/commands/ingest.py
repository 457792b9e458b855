"""`tradepipe ingest`: bring to the landing folder what a market's source has and we do not."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tradepipe.commands.project import Project
from tradepipe.ingest.sources import Delivery, Failure, SourceFailedError, land, landed_of, source_of
from tradepipe.markets import Market

SHOWN = 20


class IngestFailedError(RuntimeError):
    """Some of what was asked for could not be fetched; each is named with its remedy."""


@dataclass
class Ingested:
    """What became of one market's ingest. What failed is asked for again by the next one.

    `fetched` counts deliveries, `rows` their rows where the source looks inside; `landed` are the paths
    of the files that are new, in the order in which they came.
    """

    market: str
    fetched: int = 0
    rows: int = 0
    landed: list[Path] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    by_symbol: Counter[str] = field(default_factory=Counter)
    has_source: bool = True


def ingest(project: Project, market: Market, *, full: bool = False, limit: int | None = None) -> Ingested:
    """Land what `market`'s source has and the landing folder has not; with `full`, ask for all again.

    At most `limit` files. What was fetched lands at once, so an interrupted ingest goes on where it
    stopped. A failure of one symbol or object, or of the whole source, is in `failures`.
    """
    done = Ingested(market.name)
    source = source_of(market, project.store)
    if source is None:
        done.has_source = False
        return done
    folder = project.settings.landing_folder
    try:
        _take(source.deliveries(landed_of(folder, market, full=full), limit=limit), folder, done)
    except SourceFailedError as error:
        reason, _, remedy = str(error).partition(" Remedy: ")
        done.failures.append(Failure(market.name, reason.rstrip("."), remedy.rstrip(".")))
    finally:
        source.close()
    return done


def _take(found: Iterable[Delivery | Failure], folder: Path, done: Ingested) -> None:
    for one in found:
        if isinstance(one, Failure):
            done.failures.append(one)
            continue
        new = land([one], folder)
        done.landed += new
        done.fetched += 1
        done.rows += one.rows or 0
        done.by_symbol[one.symbol or one.name] += len(new)


def show_ingests(project: Project, name: str | None, console: Console, *, full: bool) -> None:
    """Ingest the named market, or all, and print what came. One market never stops the others.

    Raises:
        IngestFailedError: naming each symbol, object or market that could not be fetched.
    """
    failures: list[Failure] = []
    for market in project.chosen(name):
        done = ingest(project, market, full=full)
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

"""The sub-commands of `tradepipe universe`."""

import csv
import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tradepipe.markets import Universe

FOUND = 3

app = typer.Typer(name="universe", help="Who belonged to a universe when, and on which terms.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the universe.")]
VersionOption = Annotated[str, typer.Option("--release", help="Semantic version of the list.")]
FolderOption = Annotated[
    Path | None, typer.Option("--to", help="Folder to write to. Default: data/manifests/universes.")
]


@app.command()
def members(
    name: Annotated[str, typer.Argument(help="Name of the universe, or path of its file.")],
    on: Annotated[str, typer.Option(help="Date, e.g. 2018-06-05.")],
) -> None:
    """List who belonged to a universe on a date, with lot and tick of that date."""
    from tradepipe.markets import load_universe  # noqa: PLC0415 - on use

    day = dt.date.fromisoformat(on)
    for instrument in load_universe(name).members(day):
        rules = instrument.rules(day)
        typer.echo(f"{instrument.symbol}\t{rules.lot}\t{rules.tick}\t{instrument.name}")


@app.command()
def spells(  # noqa: PLR0913, PLR0917 - one argument an option
    name: NameArgument,
    table: Annotated[Path, typer.Argument(help="CSV: ticker, start_date, end_date (first date no longer a member).")],
    lot: Annotated[str, typer.Option(help="Smallest quantity step.")] = "1",
    tick: Annotated[str, typer.Option(help="Price step.")] = "0.01",
    release: VersionOption = "1.0.0",
    names: Annotated[Path | None, typer.Option(help="CSV with columns Symbol and Security, for names.")] = None,
    folder: FolderOption = None,
) -> None:
    """Build a universe from membership spells."""
    from tradepipe.markets.universe_import import universe_from_spells  # noqa: PLC0415

    called = {row["Symbol"]: row["Security"] for row in csv.DictReader(_text(names).splitlines())} if names else {}
    universe = universe_from_spells(
        _text(table), name=name, version=release, lot=Decimal(lot), tick=Decimal(tick), names=called
    )
    typer.echo(f"{len(universe.membership())} spells of {len(universe.instruments)} instruments")
    _write(universe, folder)


@app.command()
def venue(  # noqa: PLR0913, PLR0917 - one argument an option
    name: NameArgument,
    database: Annotated[Path, typer.Argument(help="LEAN's symbol-properties-database.csv, or .csv.gz.")],
    market: Annotated[str, typer.Option(help="Its market, e.g. binance.")],
    kind: Annotated[str, typer.Option(help="Its type, e.g. crypto.")],
    symbol: Annotated[list[str] | None, typer.Option(help="Only this symbol; may be repeated.")] = None,
    release: VersionOption = "1.0.0",
    folder: FolderOption = None,
) -> None:
    """Build a universe from a venue's tick and lot sizes."""
    from tradepipe.markets.universe_import import read_properties, universe_from_properties  # noqa: PLC0415

    universe = universe_from_properties(
        read_properties(_text(database)), name=name, version=release, venue=market, kind=kind, symbols=symbol or None
    )
    typer.echo(f"{len(universe.instruments)} instruments")
    _write(universe, folder)


@app.command()
def compare(
    name: Annotated[str, typer.Argument(help="Name of the universe, or path of its file.")],
    changes: Annotated[Path, typer.Argument(help="CSV: date, add, remove.")],
) -> None:
    """List where a table of changes and the universe's spells differ. Exit code 3 if they do."""
    from tradepipe.markets import load_universe  # noqa: PLC0415
    from tradepipe.markets.universe_import import compare_changes  # noqa: PLC0415

    found = compare_changes(load_universe(name), _text(changes))
    for day, symbol, told, finding in found.rows():
        typer.echo(f"{day}\t{told}\t{symbol}\t{finding}")
    if not found.is_empty():
        raise typer.Exit(FOUND)


def _text(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")


def _write(universe: "Universe", folder: Path | None) -> None:
    from tradepipe.markets.universe_import import write_universe  # noqa: PLC0415
    from tradepipe.paths import manifests_folder  # noqa: PLC0415

    typer.echo(f"written: {write_universe(folder or manifests_folder() / 'universes', universe)}")

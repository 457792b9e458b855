"""The sub-commands of `tradepipe quarantine`."""

import getpass
from typing import Annotated

import typer

app = typer.Typer(name="quarantine", help="Rows that were refused: list, look at, release.", no_args_is_help=True)

MarketOption = Annotated[str | None, typer.Option("--market", "-m", help="Only this market. Default: all.")]
Place = Annotated[str, typer.Argument(metavar="FILE:LINE", help="Landing file and line, as `list` prints them.")]


@app.command("list")
def list_rows(
    market: MarketOption = None,
    layer: Annotated[str | None, typer.Option(help="Only rows that this layer refused, e.g. bars.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only rows refused for this reason code.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only rows of this symbol.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all rows as JSON.")] = False,
) -> None:
    """List refused rows with the reason."""
    from tradepipe.commands.project import Project  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.commands.quarantine import show_list  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415 - each command imports what it needs

    project = Project.load()
    markets = project.chosen(market)
    show_list(project, markets, console(), layer=layer, reason=reason, symbol=symbol, as_json=as_json)


@app.command("show")
def show(place: Place, market: MarketOption = None) -> None:
    """Show one refused row as it came, why it was refused, and what would have it kept."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.quarantine import show_row  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    project = Project.load()
    show_row(project, project.chosen(market), console(), place)


@app.command("release")
def release(
    place: Place,
    note: Annotated[str | None, typer.Option("--reason-note", help="Why, for whoever asks later.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take a release back.")] = False,
    by: Annotated[str | None, typer.Option(help="Who answers for it. Default: the user of the machine.")] = None,
    market: MarketOption = None,
) -> None:
    """Let a row through that was judged wrongly. Rules of a contract are never lifted."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.quarantine import release_row  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    project = Project.load()
    told_by = by or getpass.getuser()
    release_row(project, project.chosen(market), console(), place, note=note, by=told_by, undo=undo)

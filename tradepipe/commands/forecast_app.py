"""The command `tradepipe forecast`."""

from pathlib import Path
from typing import Annotated

import typer


def forecast(  # noqa: PLR0913, PLR0917 - one argument an option
    symbol: Annotated[str, typer.Argument(help="Symbol, as in the market's universe.")],
    market: Annotated[str | None, typer.Option("--market", "-m", help="Its market, where several have it.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="The newest forecast of this session or before, e.g. 2018-06-05.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Also write the chart to this .png or .svg file.")] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Also compute its partition once more and tell what each member costs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Print the newest forecast of a symbol: the ensemble's, its members', why, and how good they were lately."""
    from tradepipe.commands.forecast import Wanted, show_forecast  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415 - each command imports what it needs

    wanted = Wanted(symbol, market=market, as_of=as_of, plot=plot, profile=profile, as_json=as_json)
    show_forecast(Project.load(), console(), wanted)

"""The sub-commands of `tradepipe indicators`."""

from pathlib import Path
from typing import Annotated

import typer

USAGE, FOUND = 2, 3

app = typer.Typer(
    name="indicators", help="The indicators there are, and how much history they need.", no_args_is_help=True
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_all(as_json: JsonOption = False) -> None:
    """List all indicators with their parameters."""
    from tradepipe.commands.indicators import show_list  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    show_list(console(), as_json=as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name, or name with parameters: 'bollinger(20, 2)'.")],
    as_json: JsonOption = False,
) -> None:
    """Show what an indicator measures, reads and writes."""
    from tradepipe.commands.indicators import show_indicator  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415
    from tradepipe.indicators import IndicatorError  # noqa: PLC0415

    try:
        show_indicator(console(), name, as_json=as_json)
    except IndicatorError as error:
        raise _usage(error) from None


@app.command()
def warmup(
    market: Annotated[
        str | None, typer.Option("--market", "-m", help="Its indicators, on its bars. Default: all, on the S&P 500.")
    ] = None,
    bars: Annotated[
        Path | None, typer.Option(help="Measure on these bars: CSV, Parquet or Feather with open, high, low, close, …")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="Relative difference that no longer matters.", min=0.0)] = 1e-9,
    as_json: JsonOption = False,
) -> None:
    """Measure how many bars each needs until the start no longer matters. Exit code 3 if a lookback is too small."""
    from tradepipe.commands.terminal import console  # noqa: PLC0415
    from tradepipe.commands.warm_up import BarsError, show_warm_up  # noqa: PLC0415
    from tradepipe.indicators import IndicatorError  # noqa: PLC0415

    try:
        found = show_warm_up(console(), market, bars, tolerance=tolerance, as_json=as_json)
    except (BarsError, IndicatorError) as error:
        raise _usage(error) from None
    if found:
        raise typer.Exit(FOUND)


@app.command()
def document(
    folder: Annotated[Path | None, typer.Argument(help="Where to. Default: docs of the checkout.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with Binance's perpetual files, for plots of funding and marks.")
    ] = None,
) -> None:
    """Bring docs/indicators.md and its plots up to date."""
    from tradepipe.commands.indicators import FolderNotFoundError, show_document  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    try:
        show_document(console(), folder, data)
    except FolderNotFoundError as error:
        raise _usage(error) from None


def _usage(error: Exception) -> typer.Exit:
    typer.echo(f"Error: {error}", err=True)
    return typer.Exit(USAGE)

"""The `tradepipe` command.

Exit codes: 0 done; 1 the work failed; 2 wrong usage or configuration; 3 `stale` or `doctor` found
something. Errors are one message without a traceback; `--debug` or TRADEPIPE_DEBUG=1 shows it.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tradepipe import __version__
from tradepipe.commands import (
    blast_radius_app,
    contracts_app,
    dataset_app,
    forecast_app,
    indicators_app,
    kernels_app,
    models_app,
    quarantine_app,
    replay_app,
    retrain_app,
    storage_app,
    universe_app,
)
from tradepipe.commands.terminal import console
from tradepipe.settings import SettingsError

FAILED, USAGE, FOUND = 1, 2, 3

app = typer.Typer(
    name="tradepipe",
    help="Market data into explained decisions.",
    epilog="Exit codes: 0 done, 1 the work failed, 2 wrong usage or configuration, 3 stale or doctor found something.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config = typer.Typer(name="config", help="The configuration.", no_args_is_help=True)
app.add_typer(config)
app.add_typer(quarantine_app.app)
app.add_typer(dataset_app.app)
app.command("blast-radius")(blast_radius_app.blast_radius)
app.command("forecast")(forecast_app.forecast)
app.command("replay")(replay_app.replay)
app.command("retrain")(retrain_app.retrain)
app.command("retrain-worker")(retrain_app.retrain_worker)
app.command("compile")(kernels_app.compile_kernels)
app.add_typer(contracts_app.app)
app.add_typer(indicators_app.app)
app.add_typer(models_app.app)
app.add_typer(storage_app.app)
app.add_typer(universe_app.app)

MarketOption = Annotated[str | None, typer.Option("--market", "-m", help="Only this market. Default: all.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="First partition, e.g. 2018-01. Default: the market's start.")
]
ToOption = Annotated[str | None, typer.Option("--to", help="Last partition, e.g. 2018-12. Default: the newest.")]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"tradepipe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    _shown: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if debug:
        os.environ["TRADEPIPE_DEBUG"] = "1"


@app.command()
def demo(
    report: Annotated[
        Path | None, typer.Option(help="Where to write the HTML report. Default: <home>/report.html")
    ] = None,
) -> None:
    """Run the whole chain on the packaged S&P 500 and NASDAQ bars, and report."""
    from tradepipe.commands.demo import run_demo  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.commands.project import Project  # noqa: PLC0415

    run_demo(Project.load(), console(), report)


@app.command()
def ingest(
    market: Annotated[str | None, typer.Argument(help="Only this market. Default: all.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Ask for everything again, not only for what is missing.")
    ] = False,
) -> None:
    """Bring to the landing folder what the markets' sources have: venues, S3, replays."""
    from tradepipe.commands.ingest import show_ingests  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415

    show_ingests(Project.load(), market, console(), full=full)


@app.command()
def run(
    market: MarketOption = None,
    first: FromOption = None,
    last: ToOption = None,
    execute: Annotated[bool, typer.Option(help="Also execute new signals.")] = True,
) -> None:
    """Re-run what is stale, nothing else, then execute new signals."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.run import RunFailedError  # noqa: PLC0415
    from tradepipe.commands.status import show_update  # noqa: PLC0415

    project, failed = Project.load(), []
    for chosen in project.chosen(market):
        try:
            show_update(project, chosen, console(), first=first, last=last, execute=execute)
        except RunFailedError as error:  # one market never stops the others
            failed.append(str(error))
    if failed:
        raise RunFailedError("\n".join(failed))


@app.command()
def status(market: MarketOption = None) -> None:
    """Partitions, rows, refused rows and the newest partition of each layer."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.status import show_status  # noqa: PLC0415

    project = Project.load()
    for chosen in project.chosen(market):
        show_status(project, chosen, console())


@app.command()
def stale(market: MarketOption = None, first: FromOption = None, last: ToOption = None) -> None:
    """List the partitions that their inputs or code have left behind. Exit code 3 if there are any."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.status import show_stale  # noqa: PLC0415

    project = Project.load()
    found = [show_stale(project, chosen, console(), first, last) for chosen in project.chosen(market)]
    if any(found):
        raise typer.Exit(FOUND)


@app.command()
def sql(
    name: Annotated[str, typer.Argument(help="A mart of dbt_like_sql, or a SELECT with ref('bars').")],
    market: MarketOption = None,
    as_of: Annotated[str | None, typer.Option(help="Only what was known then, e.g. 2018-03-01T21:00 (UTC).")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write all rows as CSV.")] = False,
) -> None:
    """Run a mart, or a query of your own, over the published layers."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.sql import show_sql  # noqa: PLC0415

    project = Project.load()
    for chosen in project.chosen(market):
        show_sql(project, chosen, console(), name, as_of=as_of, csv=csv)


@app.command()
def why(order: Annotated[str, typer.Argument(help="Client order id, or the beginning of one.")]) -> None:
    """Explain an order: from the fill back to the sha256 of the landing file."""
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.why import show_why  # noqa: PLC0415

    show_why(Project.load(), order, console())


@app.command()
def dev(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the UI.")] = 3000,
) -> None:
    """Start the Dagster UI and daemon on this data. Sensors and schedules are visible there."""
    from tradepipe.commands.dev import start  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415

    start(Project.load(), console(), host, port)


@app.command()
def doctor() -> None:
    """Check configuration, folders, databases and the journal's hash chain. Exit code 3 if one fails."""
    from tradepipe.commands.doctor import examine  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415

    if not examine(Project.load(), console()):
        raise typer.Exit(FOUND)


@config.command("show")
def config_show(
    key: Annotated[str | None, typer.Argument(help="Only keys that begin with this, e.g. markets.us_indices")] = None,
) -> None:
    """Print the merged configuration and where each value came from."""
    from tradepipe.commands.config import show_config  # noqa: PLC0415

    show_config(console(), key)


def main() -> None:
    """Entry point: run the command, and turn an error into one message and an exit code."""
    try:
        app()
    except Exception as error:
        if os.environ.get("TRADEPIPE_DEBUG"):
            raise
        usage = _is_usage(error)
        typer.echo(f"Error: {str(error) or type(error).__name__}", err=True)
        if not usage:
            typer.echo("(--debug shows where it came from)", err=True)
        sys.exit(USAGE if usage else FAILED)


def _is_usage(error: Exception) -> bool:
    """True where the command or the configuration asked for something that there is not."""
    from tradepipe.chain.latest import NoForecastError  # noqa: PLC0415
    from tradepipe.chain.releases import ReleaseError  # noqa: PLC0415
    from tradepipe.commands.blast_radius import SessionError  # noqa: PLC0415
    from tradepipe.commands.config import UnknownSettingError  # noqa: PLC0415
    from tradepipe.commands.project import UnknownMarketError  # noqa: PLC0415
    from tradepipe.commands.sql import UnknownQueryError  # noqa: PLC0415
    from tradepipe.execution.explain import OrderNotFoundError  # noqa: PLC0415
    from tradepipe.indicators import IndicatorError, IndicatorInputError  # noqa: PLC0415
    from tradepipe.markets import PartitionKeyError  # noqa: PLC0415

    wrong = (
        IndicatorError,
        NoForecastError,
        UnknownMarketError,
        UnknownQueryError,
        UnknownSettingError,
        OrderNotFoundError,
        PartitionKeyError,
        ReleaseError,
        SessionError,
    )
    return isinstance(error, (SettingsError, *wrong)) and not isinstance(error, IndicatorInputError)

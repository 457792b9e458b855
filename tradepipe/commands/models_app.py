"""The sub-commands of `tradepipe models`.

Exit codes: 0 done; 1 the work failed; 2 there is no such version, or it cannot be done with it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

USAGE = 2

app = typer.Typer(
    name="models",
    help="Versions of models: where they are active, how they did, what was made with them.",
    epilog="Exit codes: 0 done, 1 the work failed, 2 no such version, or its status does not allow it.",
    no_args_is_help=True,
)
Version = Annotated[
    str, typer.Argument(metavar="VERSION", help="MEMBER/PARTITION/DIGEST, its beginning, or the digest alone.")
]
MarketOption = Annotated[str | None, typer.Option("--market", "-m", help="Only this market. Default: all.")]
Regimes = Annotated[list[str] | None, typer.Option("--regime", help="e.g. 'calm up'. Repeatable.")]
Why = Annotated[str, typer.Option("--why", help="The reason; history keeps it.")]
By = Annotated[str | None, typer.Option("--by", help="Who asks for it. Default: the user of this process.")]


@contextmanager
def _exit_codes() -> Iterator[None]:
    """Turn what is wrong with names and transitions into the exit codes above."""
    from tradepipe.chain.latest import NoForecastError  # noqa: PLC0415
    from tradepipe.chain.lineage import LineageError  # noqa: PLC0415
    from tradepipe.forecasting.registry import ModelRegistryError  # noqa: PLC0415

    try:
        yield
    except (LineageError, ModelRegistryError, NoForecastError) as error:
        if os.environ.get("TRADEPIPE_DEBUG"):
            raise
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(USAGE) from None


@app.command("list")
def list_versions(
    market: MarketOption = None,
    member: Annotated[str | None, typer.Option(help="Only versions of this member.")] = None,
    status: Annotated[str | None, typer.Option(help="candidate, active or retired.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every version, not only the newest 40.")] = False,
) -> None:
    """List registered versions, the newest partition first."""
    from tradepipe.commands import models  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        newest = None if every else 40
        models.show_list(Project.load(), console(), market=market, member=member, status=status, newest=newest)


@app.command()
def show(version: Version, market: MarketOption = None) -> None:
    """Show a version: specs, training, parameters, metrics by regime and horizon, history."""
    from tradepipe.commands.models_shown import show_version  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        show_version(Project.load(), console(), version, market)


@app.command()
def active(
    symbol: Annotated[str, typer.Argument(help="Symbol, as in the market's universe.")],
    regime: Annotated[
        str | None, typer.Option("--regime", help="e.g. 'calm up'. Default: the symbol's own now.")
    ] = None,
    market: MarketOption = None,
) -> None:
    """Show which versions are active in a symbol's regime, with the symbol's own parameters."""
    from tradepipe.commands.models_active import show_active  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        show_active(Project.load(), console(), symbol, market=market, regime=regime)


@app.command()
def promote(  # noqa: PLR0913 - one argument an option
    version: Version,
    *,
    why: Why,
    regime: Regimes = None,
    market: MarketOption = None,
    by: By = None,
    again: Annotated[bool, typer.Option("--again", help="Even if a person took it out before.")] = False,
) -> None:
    """Make a version active, in every regime or those named, until a person or newer evidence replaces it."""
    from tradepipe.commands import models  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        models.promote(
            Project.load(), console(), version, market=market, regimes=regime or (), who=by, why=why, again=again
        )


@app.command()
def rollback(
    member: Annotated[str, typer.Argument(help="e.g. arma_garch")],
    *,
    why: Why,
    regime: Regimes = None,
    market: MarketOption = None,
    by: By = None,
) -> None:
    """Bring a member's previous version back, wherever it is active or in the regimes named."""
    from tradepipe.commands import models  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        models.roll_back(Project.load(), console(), member, market=market, regimes=regime or (), who=by, why=why)


@app.command()
def retire(version: Version, *, why: Why, market: MarketOption = None, by: By = None) -> None:
    """Take a version out of every regime, for good; the rule never brings it back."""
    from tradepipe.commands import models  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        models.retire(Project.load(), console(), version, market=market, who=by, why=why)


@app.command()
def lineage(
    name: Annotated[
        str,
        typer.Argument(metavar="ORDER|SYMBOL@SESSION|VERSION", help="e.g. tp3f, SPX@2018-12-31, arma_garch/2018-12"),
    ],
    market: MarketOption = None,
) -> None:
    """From an order or signal to the versions it rests on; from a version to what was made with it."""
    from tradepipe.commands.models_shown import show_lineage  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        show_lineage(Project.load(), console(), name, market)


@app.command()
def rules(
    market: MarketOption = None,
    apply: Annotated[bool, typer.Option("--apply", help="Promote and displace by the rule now.")] = False,
) -> None:
    """Show how versions are promoted by rule and how models stand in each regime."""
    from tradepipe.commands import models  # noqa: PLC0415
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    with _exit_codes():
        models.show_rules(Project.load(), console(), market=market, apply=apply)

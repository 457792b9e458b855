"""`tradepipe retrain` and `tradepipe retrain-worker`."""

from typing import Annotated

import typer

Market = Annotated[str, typer.Argument(metavar="MARKET")]


def retrain(
    market: Market,
    partitions: Annotated[
        str | None,
        typer.Option(metavar="FIRST..LAST", help="e.g. 2018-01..2018-12, or one. Default: the newest."),
    ] = None,
) -> None:
    """Fit the models of a market ahead of its run, and keep what was fitted.

    Symbols are fitted in blocks: on threads, in processes, or by Celery workers, as forecasts.retraining.executor
    says; the numbers are the same. `tradepipe run` then finds every fit and only forecasts. What is kept already is not
    fitted again, so a retraining that was interrupted goes on where it stopped.
    """
    from tradepipe.commands.project import Project  # noqa: PLC0415 - each command imports what it needs
    from tradepipe.commands.retrain import show_retraining  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    show_retraining(Project.load(), console(), market, partitions)


def retrain_worker(
    market: Market,
    concurrency: Annotated[int, typer.Option(min=1, help="Blocks fitted at once, a process each.")] = 1,
) -> None:
    """Fit the blocks that retrainings of a market hand out through its Valkey, until stopped.

    For forecasts.retraining.executor celery. Start as many as there are machines, each with the project's settings, its
    folders (store and DAGSTER_HOME) and databases in reach. One that dies loses nothing: after
    forecasts.retraining.lost_after another one takes its blocks.
    """
    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.retrain import start_worker  # noqa: PLC0415
    from tradepipe.commands.terminal import console  # noqa: PLC0415

    start_worker(Project.load(), console(), market, concurrency)

"""`tradepipe retrain`: fit models ahead of the run; `tradepipe retrain-worker`: fit what such runs hand out."""

import os
import sys
import time
from importlib.util import find_spec

from rich.console import Console
from rich.markup import escape

from tradepipe.commands.project import Project
from tradepipe.commands.run import RunFailedError
from tradepipe.markets import PartitionKeyError

BROKER, LOST_AFTER = "RETRAINING_BROKER", "RETRAINING_LOST_AFTER"
"""What `resources.celery_app` reads."""


class WorkerError(RuntimeError):
    """There is nothing that a worker could wait for."""


def show_retraining(project: Project, console: Console, market: str, partitions: str | None) -> None:
    """Fit the models of `market` for `partitions` and say what came of it.

    Args:
        project: whose settings name the executor.
        console: where to.
        market: which.
        partitions: FIRST..LAST, or one partition; None: the newest that has bars and indicators.

    Raises:
        PartitionKeyError: there is no such partition, or none yet that could be fitted.
        RunFailedError: with the message of the step that failed.
    """
    chosen = project.market(market)
    first, last = _span(project, market, partitions)
    started = time.monotonic()
    outcome = project.runner.retrain(chosen, first, last)
    if not outcome.success:
        raise RunFailedError(f"{market} {first}..{last}: {outcome.error}\n(Dagster run {outcome.run_id})")
    told = outcome.told or {}
    console.print(
        f"{escape(market)} {first}..{last} on {chosen.settings.forecasts.retraining.executor}: {told['made']:,} of "
        f"{told['chains']:,} chains fitted now, the others were kept; digest {told['digest']}; "
        f"{time.monotonic() - started:.1f} s",
        soft_wrap=True,
    )


def start_worker(project: Project, console: Console, market: str, concurrency: int) -> None:
    """Replace this process by a Celery worker on the broker of `market`.

    Raises:
        WorkerError: the market is not retrained by Celery, or the extra is not installed.
    """
    told = project.market(market).settings.forecasts.retraining
    if told.broker_url is None:
        raise WorkerError(
            f"{market} has no forecasts.retraining.broker_url. Remedy: set it to the redis:// address of a Valkey, and "
            "forecasts.retraining.executor to celery."
        )
    if find_spec("dagster_celery") is None:  # an extra
        raise WorkerError("dagster_celery is not installed. Remedy: pip install 'tradepipe[celery]'")
    os.environ |= {BROKER: told.broker_url, LOST_AFTER: str(told.lost_after.total_seconds())}
    console.print(f"Worker of {escape(market)}: {concurrency} blocks at once; stop with Ctrl-C")
    name = f"--hostname=retraining-{os.getpid()}@%h"
    celery = [sys.executable, "-m", "celery", "-A", "resources.celery_app", "worker", name]
    # A process of its own for each task: it can be killed without the worker, whose place another one takes.
    os.execv(celery[0], [*celery, "--pool=prefork", f"--concurrency={concurrency}", "--loglevel=INFO"])  # noqa: S606


def _span(project: Project, market: str, partitions: str | None) -> tuple[str, str]:
    if partitions is not None:
        first, _, last = partitions.partition("..")
        keys = project.keys(project.market(market), first, last or first)
        return keys[0], keys[-1]
    current = [project.store.catalogue.current(f"{market}/{layer}") for layer in ("bars", "indicators")]
    if ready := current[0].keys() & current[1].keys():
        return max(ready), max(ready)
    raise PartitionKeyError(f"{market} has no bars and indicators to fit to. Remedy: `tradepipe run -m {market}` first")

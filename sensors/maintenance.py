"""Maintenance: every night, months are compacted, old data evicted or cooled, and files that nobody needs removed."""

import datetime as dt
from collections.abc import Callable

import dagster as dg

from resources.store import StoreResource
from tradepipe.store import StoreError


@dg.op(description="Turn the session files of past months into one file a month.")
def compact_store(context: dg.OpExecutionContext, store: StoreResource) -> list[str]:
    """Compact what store.compact_after says; what failed."""

    def work() -> str:
        found = store.upkeep().compact(_now())
        return f"{len(found)} months compacted, {sum(one.rows for one in found)} rows"

    return _going_on(context, [], work)


@dg.op(
    description="Evict the partitions that store.retention does not keep; each is on record in the catalogue.",
)
def evict_partitions(context: dg.OpExecutionContext, failed: list[str], store: StoreResource) -> list[str]:
    """Evict, and log each eviction with its file's sha256; what failed so far."""

    def work() -> str:
        gone = store.upkeep().evict(_now())
        for due in gone:
            one = due.generation
            context.log.info("evicted %s %s (sha256 %s): %s", one.dataset, one.partition, one.sha256, due.reason)
        return f"{len(gone)} partitions evicted"

    return _going_on(context, failed, work)


@dg.op(
    description="Move files older than store.cold.after to the cold tier, where there is one.",
)
def cool_files(context: dg.OpExecutionContext, failed: list[str], store: StoreResource) -> list[str]:
    """Copy, verify, commit; the copy on the disk goes with a later sweep. What failed so far."""

    def work() -> str:
        moves = store.upkeep().tier(_now())
        return f"{len(moves)} files moved to the cold tier, {sum(move.size for move in moves)} bytes"

    return _going_on(context, failed, work)


@dg.op(
    description="Delete files superseded or replaced longer ago than the grace period, and orphans of crashed writers.",
)
def sweep_store(context: dg.OpExecutionContext, failed: list[str], store: StoreResource) -> None:
    """Sweep, never a file of a current generation; then fail if anything did, so that somebody looks.

    Raises:
        Failure: with what was said of each file.
    """
    if all_failed := _going_on(context, failed, lambda: f"{len(store.open().sweep(_now()))} files deleted"):
        raise dg.Failure("\n".join(all_failed))


@dg.job(description="Keep the store small and quick to read.", executor_def=dg.in_process_executor)
def maintenance() -> None:
    """The maintenance job: compact, evict, cool, sweep."""
    sweep_store(cool_files(evict_partitions(compact_store())))


def maintenance_schedule(*, running: bool) -> dg.ScheduleDefinition:
    """Run the maintenance job every night."""
    return dg.ScheduleDefinition(
        name="nightly_maintenance",
        job=maintenance,
        cron_schedule="17 3 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
    )


def _going_on(context: dg.OpExecutionContext, failed: list[str], work: Callable[[], str]) -> list[str]:
    """`failed`, and what `work` could not do: a file that is broken keeps no other job from its work."""
    try:
        context.log.info(work())
    except StoreError as error:
        context.log.exception("This job could not do all of its work.")
        return [*failed, str(error)]
    return failed


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)

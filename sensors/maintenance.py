"""Maintenance: every night, months are compacted, old data evicted or cooled, and files that nobody needs removed."""

import datetime as dt

import dagster as dg

from resources.store import StoreResource


@dg.op(out=dg.Out(dg.Nothing), description="Turn the session files of past months into one file a month.")
def compact_store(context: dg.OpExecutionContext, store: StoreResource) -> None:
    """Compact what store.compact_after says."""
    found = store.upkeep().compact(_now())
    context.log.info("%d months compacted, %d rows", len(found), sum(one.rows for one in found))


@dg.op(
    ins={"compacted": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Evict the partitions that store.retention does not keep; each is on record in the catalogue.",
)
def evict_partitions(context: dg.OpExecutionContext, store: StoreResource) -> None:
    """Evict, and log each eviction with its file's sha256."""
    for due in store.upkeep().evict(_now()):
        one = due.generation
        context.log.info("evicted %s %s (sha256 %s): %s", one.dataset, one.partition, one.sha256, due.reason)


@dg.op(
    ins={"evicted": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    description="Move files older than store.cold.after to the cold tier, where there is one.",
)
def cool_files(context: dg.OpExecutionContext, store: StoreResource) -> None:
    """Copy, verify, commit; the copy on the disk goes with a later sweep."""
    moves = store.upkeep().tier(_now())
    context.log.info("%d files moved to the cold tier, %d bytes", len(moves), sum(move.size for move in moves))


@dg.op(
    ins={"cooled": dg.In(dg.Nothing)},
    description="Delete files superseded or replaced longer ago than the grace period, and orphans of crashed writers.",
)
def sweep_store(context: dg.OpExecutionContext, store: StoreResource) -> None:
    """Sweep; never a file of a current generation."""
    deleted = store.open().sweep(_now())
    context.log.info("%d files deleted", len(deleted))


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


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)

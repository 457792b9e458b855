"""Maintenance: files of superseded generations and of crashed writers go once nobody can need them."""

import datetime as dt

import dagster as dg

from resources.store import StoreResource


@dg.op(description="Delete files superseded longer ago than the grace period, and orphans of crashed writers.")
def sweep_store(context: dg.OpExecutionContext, store: StoreResource) -> None:
    """Sweep; never a file of a current generation."""
    deleted = store.open().sweep(dt.datetime.now(dt.UTC))
    context.log.info("%d files deleted", len(deleted))


@dg.job(description="Free the disk of what no reader can need any more.", executor_def=dg.in_process_executor)
def maintenance() -> None:
    """The maintenance job."""
    sweep_store()


def maintenance_schedule(*, running: bool) -> dg.ScheduleDefinition:
    """Run the maintenance job every night."""
    return dg.ScheduleDefinition(
        name="nightly_maintenance",
        job=maintenance,
        cron_schedule="17 3 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
    )

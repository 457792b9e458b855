"""Warming the shared cache of latest windows after each night's upkeep and through the day."""

from collections.abc import Mapping

import dagster as dg

from resources.store import StoreResource
from tradepipe.markets import Market
from tradepipe.settings import Settings


def warming_schedule(settings: Settings, markets: Mapping[str, Market], *, running: bool) -> dg.ScheduleDefinition:
    """Load the windows of `cache.warm` into Valkey every ten minutes.

    Only where there is a Valkey: a process's own cache is gone with the process.
    """

    @dg.op(description="Load the windows of cache.warm, so that the first to ask finds them.")
    def warm(context: dg.OpExecutionContext, store: StoreResource) -> None:
        from tradepipe.cache import WindowCache  # noqa: PLC0415 - heavy imports belong to the step

        cache = WindowCache.open(store.open(), markets, settings)
        loaded = cache.warm()
        context.add_output_metadata({"windows": len(loaded), "rows": sum(loaded.values()), **cache.counters.metrics()})

    @dg.job(name="warm_cache", description="Load windows ahead of need.", executor_def=dg.in_process_executor)
    def job() -> None:
        warm()

    return dg.ScheduleDefinition(
        name="cache_warming",
        job=job,
        cron_schedule="*/10 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
    )

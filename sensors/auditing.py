"""The nightly audit of fits: its job and its schedule."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.layer import asset_key
from resources.store import StoreResource
from tradepipe.chain.auditing import AUDIT, newest_fits
from tradepipe.markets import Market


def audit_job_name(market: Market) -> str:
    """Name of the market's audit job."""
    return f"{market.name}_audit"


def audit_job(market: Market) -> UnresolvedAssetJobDefinition:
    """Fit a few symbols of a partition again by the peer libraries, and compare."""
    return dg.define_asset_job(
        name=audit_job_name(market),
        description=f"Compare a few fits of {market.name} with what statsmodels and arch reach.",
        selection=dg.AssetSelection.assets(asset_key(market, AUDIT)),
        tags={"market": market.name},
        executor_def=dg.in_process_executor,
    )


def audit_schedule(market: Market, *, running: bool) -> dg.ScheduleDefinition:
    """Audit the newest partition every night, once for each content of its fits."""

    @dg.schedule(
        name=f"{market.name}_nightly_audit",
        job_name=audit_job_name(market),
        cron_schedule="43 2 * * *",
        description=f"Looks at the newest fits of {market.name} through the peer libraries.",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
    )
    def schedule(_context: dg.ScheduleEvaluationContext, store: StoreResource) -> dg.RunRequest | dg.SkipReason:
        newest = newest_fits(store.open().catalogue, market)
        if newest is None:
            return dg.SkipReason(f"{market.name} has no member forecasts yet.")
        key, content = newest
        return dg.RunRequest(run_key=f"{market.name}:audit:{content}", partition_key=key)

    return schedule

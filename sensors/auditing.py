"""The nightly audit of fits: its job and its schedule."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.layer import asset_key
from resources.store import StoreResource
from tradepipe.chain.auditing import AUDIT, to_audit
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
    """Audit the newest partition, and the one before it, once for each content of their fits and scores."""

    @dg.schedule(
        name=f"{market.name}_nightly_audit",
        job_name=audit_job_name(market),
        cron_schedule="43 2 * * *",
        description=f"Looks at the newest fits of {market.name} through the peer libraries.",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
    )
    def schedule(_context: dg.ScheduleEvaluationContext, store: StoreResource) -> list[dg.RunRequest] | dg.SkipReason:
        asked = to_audit(store.open().catalogue, market)
        if not asked:
            return dg.SkipReason(f"{market.name} has no member forecasts yet.")
        return [dg.RunRequest(run_key=f"{market.name}:audit:{digest}", partition_key=key) for key, digest in asked]

    return schedule

"""The nightly look at our fits by the peer libraries."""

import dagster as dg

from assets.layer import asset_key, column_schema, run_id_of
from assets.partitions import partitions_of
from assets.reports import CONTRACT_CHECK, Events, report
from resources.fits import FitsResource
from resources.store import StoreResource
from tradepipe.chain import PartitionReport
from tradepipe.chain.auditing import AUDIT, DESCRIPTION, SCORES, Verdict, audit_version, publish_audit
from tradepipe.contracts import FORECAST_AUDIT
from tradepipe.markets import Market

GROUP = "audits"
PEER_CHECK = "not_below_peer"


def forecast_audit(market: Market) -> dg.AssetsDefinition:
    key, partitions = asset_key(market, AUDIT), partitions_of(market)

    @dg.asset(
        key=key,
        description=f"{DESCRIPTION}\n\nMarket: {market.settings.description}.",
        group_name=GROUP,
        kinds={"statsmodels", "arch", "parquet"},
        owners=[market.settings.owner],
        tags={"market": market.name},
        code_version=audit_version(market),
        partitions_def=partitions,
        deps=[asset_key(market, "member_forecasts"), asset_key(market, SCORES)],
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, blocking=name == CONTRACT_CHECK, partitions_def=partitions)
            for name in (CONTRACT_CHECK, PEER_CHECK)
        ],
        metadata={
            "dagster/column_schema": column_schema(FORECAST_AUDIT),
            "dagster/table_name": f"{market.name}/{AUDIT}",
            "contract_version": FORECAST_AUDIT.version,
        },
    )
    def body(context: dg.AssetExecutionContext, store: StoreResource, fits: FitsResource) -> Events:
        keys, run_id = context.partition_keys, run_id_of(context)
        reports, verdicts = publish_audit(store.open(), market, keys, fits.open(), run_id)
        yield from report(context, reports, judges=[lambda one: not_below_peer(one, verdicts[one.partition])])

    return body


def not_below_peer(_one: PartitionReport, verdict: Verdict) -> dg.AssetCheckResult:
    """Yellow where a likelihood of ours lies below the peer's: forecasts stand, somebody should look at the kernel."""
    return dg.AssetCheckResult(
        check_name=PEER_CHECK,
        passed=verdict.short == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "compared": verdict.compared,
            "short": ", ".join(verdict.names) or "none",
            "worst gap, nats": "nothing compared" if verdict.worst is None else verdict.worst,
        },
    )

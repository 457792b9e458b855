"""Funding, mark prices, open interest and order books of markets that fetch them."""

from pathlib import Path

import dagster as dg

from assets.layer import asset_key, column_schema, run_id_of
from assets.partitions import partitions_of
from assets.reports import CONTRACT_CHECK, QUARANTINE_CHECK, Events, nothing_refused, report
from resources.landing import LandingResource
from resources.store import StoreResource
from tradepipe.chain.derivatives import Derivative, derivatives_of, publish_derivative
from tradepipe.markets import Market

GROUP = "derivatives"


def derivative_assets(market: Market) -> list[dg.AssetsDefinition]:
    """The assets of what `market` fetches besides bars; none for most markets."""
    return [derivative_asset(market, layer) for layer in derivatives_of(market)]


def derivative_asset(market: Market, layer: Derivative) -> dg.AssetsDefinition:
    key, partitions = asset_key(market, layer.name), partitions_of(market)

    @dg.asset(
        key=key,
        description=f"{layer.description}\n\nMarket: {market.settings.description}.",
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=[market.settings.owner],
        tags={"market": market.name},
        code_version=layer.code_version(market),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, blocking=name == CONTRACT_CHECK, partitions_def=partitions)
            for name in (CONTRACT_CHECK, QUARANTINE_CHECK)
        ],
        metadata={
            "dagster/column_schema": column_schema(layer.contract),
            "dagster/table_name": f"{market.name}/{layer.name}",
            "contract_version": layer.contract.version,
        },
    )
    def body(context: dg.AssetExecutionContext, store: StoreResource, landing: LandingResource) -> Events:
        keys, run_id = context.partition_keys, run_id_of(context)
        reports = publish_derivative(store.open(), market, layer.name, Path(landing.folder), keys, run_id)
        yield from report(context, reports, judges=[nothing_refused])

    return body

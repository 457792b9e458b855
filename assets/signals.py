"""The signals that rest on forecasts."""

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, report
from resources.store import StoreResource
from tradepipe.markets import Market


def signals(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "signals")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.signals import compute_signals, within_membership  # noqa: PLC0415

        run = layer_run(context, store, market)
        wanted = compute_signals(run.place(run.read("forecasts")), market.settings.strategy)
        yield from report(context, run.publish(within_membership(wanted, market.universe)))

    return body

"""Indicators of the cleaned bars, and of what the market has beside them."""

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, report
from resources.store import StoreResource
from tradepipe.markets import Market


def indicators(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "indicators")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.chain.features import indicators_of  # noqa: PLC0415
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        run = layer_run(context, store, market)
        bars = run.read("bars")
        values = indicators_of(market, bars, run.read, run.windows)
        yield from report(
            context, run.publish(values), plots=lambda: market_plots.indicators(market.settings, bars, values)
        )

    return body

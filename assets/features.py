"""Indicators of the cleaned bars."""

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, report
from resources.store import StoreResource
from tradepipe.markets import Market


def indicators(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "indicators")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.indicators import compute_indicators, parse_indicators  # noqa: PLC0415
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        run = layer_run(context, store, market)
        bars = run.read("bars")
        values = compute_indicators(bars, run.windows("bars"), parse_indicators(market.settings.indicators))
        yield from report(
            context, run.publish(values), plots=lambda: market_plots.indicators(market.settings, bars, values)
        )

    return body

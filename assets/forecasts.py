"""What the ensemble makes of its members, with intervals."""

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, report
from resources.store import StoreResource
from tradepipe.markets import Market


def forecasts(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "forecasts")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.chain.ensemble import publish_forecasts  # noqa: PLC0415 - as all heavy imports here
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        run = layer_run(context, store, market)
        reports, shown = publish_forecasts(run)
        plots = market_plots.forecasts
        yield from report(context, reports, plots=lambda: plots(market.settings, run.read("bars"), shown))

    return body

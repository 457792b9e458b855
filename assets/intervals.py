"""Bars of the market's longer intervals."""

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, report
from resources.store import StoreResource
from tradepipe.markets import Market


def intervals(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "intervals")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.bars import resample  # noqa: PLC0415

        run = layer_run(context, store, market)
        made = resample(run.read("bars"), market.calendar, market.settings.intervals)
        yield from report(context, run.publish(run.place(made)))

    return body

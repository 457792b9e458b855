"""Forecasts, and the signals that rest on them."""

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, report
from resources.store import StoreResource
from tradepipe.markets import Market

PANEL_COLUMNS = ["symbol", "session", "open_time", "known_at", "log_return"]


def forecasts(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "forecasts")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.forecasting import compute_forecasts  # noqa: PLC0415 - as all heavy imports here
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        run, told = layer_run(context, store, market), market.settings.forecasts
        bars = run.read("bars")
        panel = run.read("indicators", columns=PANEL_COLUMNS).join(
            bars.select("symbol", "open_time", "close"), on=["symbol", "open_time"]
        )
        made = compute_forecasts(
            panel, run.windows("indicators"), told, grid=run.grid(told.horizon), on_progress=run.on_progress
        )
        yield from report(context, run.publish(made), plots=lambda: market_plots.forecasts(market.settings, bars, made))

    return body


def signals(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "signals")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.signals import compute_signals, within_membership  # noqa: PLC0415

        run = layer_run(context, store, market)
        wanted = compute_signals(run.read("forecasts"), market.settings.strategy)
        made = within_membership(wanted, market.universe)
        yield from report(context, run.publish(run.place(made)))

    return body

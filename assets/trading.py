"""Orders, fills and positions: signals through the trading core, exactly once."""

from collections.abc import Collection

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, Judge, report
from resources.store import StoreResource
from resources.trading import TradingResource
from tradepipe.chain import PartitionReport
from tradepipe.markets import Market

CONFLICT_CHECK = "no_conflict"


def orders(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "orders", checks=[CONFLICT_CHECK], automated=False)
    def body(context: dg.AssetExecutionContext, store: StoreResource, trading: TradingResource) -> Events:
        from tradepipe.chain.trading import route_signals  # noqa: PLC0415 - heavy imports belong to the step
        from tradepipe.execution.projections import orders_frame  # noqa: PLC0415

        run = layer_run(context, store, market)
        context.log.info(str(route_signals(run, trading.journal(), trading.venue(market))))
        frame = run.place(orders_frame(trading.history(market), run.spans()))
        conflicts = set(frame.filter("conflict")["partition"])
        yield from report(context, run.publish(frame), judges=[_no_conflict(conflicts)])

    return body


def fills(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "fills", automated=False)
    def body(context: dg.AssetExecutionContext, store: StoreResource, trading: TradingResource) -> Events:
        from tradepipe.execution.projections import fills_frame  # noqa: PLC0415

        run = layer_run(context, store, market)
        yield from report(context, run.publish(run.place(fills_frame(trading.history(market), run.spans()))))

    return body


def positions(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "positions", automated=False)
    def body(context: dg.AssetExecutionContext, store: StoreResource, trading: TradingResource) -> Events:
        from tradepipe.execution.projections import positions_frame  # noqa: PLC0415
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        run = layer_run(context, store, market)
        bars = run.read("bars")
        held = positions_frame(trading.history(market), bars, run.spans())
        plots = market_plots.positions(market.settings, held, bars)
        yield from report(context, run.publish(run.place(held)), plots=plots)

    return body


def _no_conflict(conflicts: Collection[str]) -> Judge:
    """Red where a signal came again with other content after its order was decided."""

    def judge(one: PartitionReport) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(check_name=CONFLICT_CHECK, passed=one.partition not in conflicts)

    return judge

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
LATE_CHECK = "none_late"


def orders(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "orders", checks=[CONFLICT_CHECK, LATE_CHECK], automated=False)
    def body(context: dg.AssetExecutionContext, store: StoreResource, trading: TradingResource) -> Events:
        from tradepipe.chain.trading import route_signals  # noqa: PLC0415 - heavy imports belong to the step
        from tradepipe.execution.projections import orders_frame  # noqa: PLC0415

        run = layer_run(context, store, market)
        done = route_signals(run, trading.journal(), trading.venue(market))
        context.log.info(str(done))
        frame = run.place(orders_frame(trading.history(market), run.spans()))
        conflicts = set(frame.filter("conflict")["partition"])
        late = set(frame.filter(reason="late")["partition"])
        # What the journal's head was is noted outside of it: a chain cannot show that its end was cut off.
        noted = {"journal_seq": done.head.seq, "journal_hash": done.head.row_hash}
        judges = [_no_conflict(conflicts), _none_late(late)]
        yield from report(context, run.publish(frame), judges=judges, noted=noted)

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
        held = positions_frame(trading.history(market), run.spans())
        reports = run.publish(run.place(held))
        yield from report(context, reports, plots=lambda: market_plots.positions(market.settings, held, bars))

    return body


def _no_conflict(conflicts: Collection[str]) -> Judge:
    """Red where a signal came again with other content after its order was decided."""

    def judge(one: PartitionReport) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(check_name=CONFLICT_CHECK, passed=one.partition not in conflicts)

    return judge


def _none_late(late: Collection[str]) -> Judge:
    """Yellow where signals came after the account had finished their session, and were not traded."""

    def judge(one: PartitionReport) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            check_name=LATE_CHECK, passed=one.partition not in late, severity=dg.AssetCheckSeverity.WARN
        )

    return judge

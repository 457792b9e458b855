"""Raw bars from the landing folder, and cleaned bars."""

import dagster as dg

from assets.findings import GAPS_CHECK, counts, gaps_known
from assets.layer import layer_asset, layer_run
from assets.reports import QUARANTINE_CHECK, Events, nothing_refused, report
from resources.landing import LandingResource
from resources.store import StoreResource
from tradepipe.chain import UNREAD
from tradepipe.contracts import BARS_HISTORY, GAPS, UNREAD_BARS
from tradepipe.markets import Market
from tradepipe.observability.meter import READ


def raw_bars(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "raw_bars", checks=[QUARANTINE_CHECK], automated=False)
    def body(context: dg.AssetExecutionContext, store: StoreResource, landing: LandingResource) -> Events:
        run = layer_run(context, store, market)
        with run.meter.phase(READ):
            arrived = landing.index(run.store, market)
            raw = arrived.rows_of(run.keys)
        arrived.keep(run.store, run.run_id)
        reports = run.publish(
            raw.rows,
            refused=raw.refused,
            beside={"unread": (UNREAD_BARS, raw.unread)},
            inputs={key: arrived.inputs(key) for key in run.keys},
        )
        yield from report(context, reports, judges=[nothing_refused])

    return body


def bars(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "bars", checks=[QUARANTINE_CHECK, GAPS_CHECK])
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.bars import clean_bars  # noqa: PLC0415
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        run = layer_run(context, store, market)
        raw, unread = (run.place(run.read(name)) for name in ("raw_bars", UNREAD))
        cleaned = clean_bars(raw, market, run.read("releases"), unread)
        reports = run.publish(
            cleaned.bars,
            refused=cleaned.refused,
            beside={"history": (BARS_HISTORY, cleaned.history), "gaps": (GAPS, cleaned.gaps)},
        )
        yield from report(
            context,
            reports,
            plots=lambda: market_plots.bars(market.settings, cleaned.bars),
            judges=[nothing_refused, gaps_known(cleaned.gaps)],
            noted=counts(cleaned, run.keys),
        )

    return body

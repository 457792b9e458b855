"""What members forecast, and how each was fitted."""

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, report
from resources.fits import FitsResource
from resources.store import StoreResource
from tradepipe.markets import Market


def member_forecasts(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "member_forecasts")
    def body(context: dg.AssetExecutionContext, store: StoreResource, fits: FitsResource) -> Events:
        from tradepipe.chain.members import publish_members  # noqa: PLC0415 - as all heavy imports here
        from tradepipe.forecasting.refits.lenient import LenientFits  # noqa: PLC0415
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        kept = LenientFits(fits.open)
        reports, noted, made_by = publish_members(layer_run(context, store, market), kept)
        kept.prune()
        yield from report(context, reports, noted=noted, plots=lambda: market_plots.members(made_by))

    return body

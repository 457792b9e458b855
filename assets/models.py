"""The versions of models, as the registry knows them."""

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, report
from resources.models import ModelsResource
from resources.store import StoreResource
from tradepipe.markets import Market


def model_versions(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "model_versions")
    def body(context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource) -> Events:
        from tradepipe.chain.models import publish_versions  # noqa: PLC0415 - as all heavy imports here
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        registry = models.open()
        reports, noted = publish_versions(layer_run(context, store, market), registry)
        active = [(one.regime, one.version) for one in registry.active(market.name)]
        yield from report(context, reports, noted=noted, plots=lambda: market_plots.versions(active))

    return body

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

        reports, noted = publish_versions(layer_run(context, store, market), models.open())
        yield from report(context, reports, noted=noted)

    return body

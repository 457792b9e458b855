"""Publishing a layer as an immutable version from the Dagster UI: the same as `tradepipe dataset publish`."""

import datetime as dt
from pathlib import Path

import dagster as dg

from assets.layer import asset_key
from resources.store import StoreResource
from tradepipe.markets import Market


class Publishing(dg.Config):
    """What to publish, as which version."""

    layer: str = "bars"
    version: str
    note: str = ""


def publish_job(market: Market, manifests: Path) -> dg.JobDefinition:
    """Publish what a layer of `market` holds now; the manifest's checksum stands on the asset as an observation."""

    @dg.op(name=f"{market.name}_publish", description=f"Publish a layer of {market.name} as an immutable version.")
    def publish(context: dg.OpExecutionContext, config: Publishing, store: StoreResource) -> None:
        from tradepipe.datasets import Registry, Terms, Version, take  # noqa: PLC0415 - heavy imports belong to the step

        opened, now = store.open(), dt.datetime.now(dt.UTC)
        terms = Terms(Version.parse(config.version), note=config.note)
        manifest = take(opened, market, f"{market.name}/{config.layer}", terms, now=now)
        registered, _ = Registry.open(opened, manifests).publish(manifest, now, context.run_id)
        context.log_event(dg.AssetObservation(asset_key(market, config.layer), metadata=registered.metadata()))

    @dg.job(
        name=publish_job_name(market),
        description=f"Publish a layer of {market.name} as a version that can be pinned: config layer, version, note.",
        tags={"market": market.name},
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        publish()

    return job


def publish_job_name(market: Market) -> str:
    """Name of the market's publishing job."""
    return f"{market.name}_publish_job"

"""Fetching: the job that lands what a market's source has, and the sensor that sees something waiting there."""

import datetime as dt
from pathlib import Path

import dagster as dg

from resources.landing import LandingResource
from resources.store import StoreResource
from sensors.requests import Wanted, request_once
from tradepipe.ingest.sources import SourceFailedError, waiting
from tradepipe.ingest.sources.ingesting import ingest
from tradepipe.markets import Market

FETCH_TAG = "tradepipe/fetch"


def fetch_job_name(market: Market) -> str:
    """Name of the market's fetch job."""
    return f"{market.name}_fetch_job"


def fetch_job(market: Market) -> dg.JobDefinition:
    """Land what the market's source has and the landing folder has not: all, or `fetch.batch` files for the sensor."""

    @dg.op(name=f"{market.name}_fetch", description=f"Land new deliveries of {market.name}.")
    def fetch(context: dg.OpExecutionContext, store: StoreResource, landing: LandingResource) -> None:
        # The sensor looks again at once; nobody else does.
        limit = market.settings.fetch.batch if context.has_tag(FETCH_TAG) else None
        done = ingest(market, store.open(), Path(landing.folder), limit=limit)
        context.add_output_metadata({"files": len(done.landed), "rows": done.rows, "failed": len(done.failures)})
        context.log.info("%d files landed", len(done.landed))
        if done.failures:  # after everything else has landed
            raise dg.Failure("\n".join(map(str, done.failures)), metadata={"files": len(done.landed)})

    @dg.job(
        name=fetch_job_name(market),
        description=f"Bring new deliveries of {market.name} from its source to the landing folder.",
        tags={"market": market.name},
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        fetch()

    return job


def fetch_sensor(market: Market, *, running: bool) -> dg.SensorDefinition:
    """Watch how far the landing folder lies behind the source of `market`, and request the fetch job.

    The run key is a digest of what waits: bars that can exist by now, an object, a stored partition.
    """

    @dg.sensor(
        name=f"{market.name}_fetch_sensor",
        job_name=fetch_job_name(market),
        description=f"What waits at the source of {market.name} launches the job that lands it.",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
    )
    def sensor(
        context: dg.SensorEvaluationContext, store: StoreResource, landing: LandingResource
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            digest = waiting(market, store.open(), Path(landing.folder), dt.datetime.now(dt.UTC))
        except SourceFailedError as error:
            return dg.SkipReason(str(error))
        if digest is None:
            return dg.SkipReason(f"Everything that {market.name}'s source can have has landed.")
        return request_once(context.instance, Wanted(market.name, FETCH_TAG, digest, "new deliveries"))

    return sensor

"""The sensor that lets funding, mark prices, open interest and order books follow what lands of them."""

import datetime as dt
from pathlib import Path

import dagster as dg

from assets.layer import asset_key
from resources.landing import LandingResource
from resources.store import StoreResource
from sensors.jobs import derivatives_job_name
from sensors.landing import PARTITIONS_A_TICK
from sensors.requests import Wanted, request_once
from tradepipe.chain.derivatives import next_derivative
from tradepipe.markets import Market

DERIVATIVES_TAG = "tradepipe/derivatives"


def derivatives_sensor(market: Market, *, running: bool) -> dg.SensorDefinition:
    """Watch the landed derivatives of `market` and request one run of the partitions that must follow.

    As the landing sensor does it: files count by content, a tick asks for one step, and one content
    asks under one run key.
    """

    @dg.sensor(
        name=f"{market.name}_derivatives_sensor",
        job_name=derivatives_job_name(market),
        description=f"Landed funding, mark prices, open interest and books of {market.name} launch their partitions.",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
    )
    def sensor(
        context: dg.SensorEvaluationContext, store: StoreResource, landing: LandingResource
    ) -> dg.SensorResult | dg.SkipReason:
        catalogue, now = store.open().catalogue, dt.datetime.now(dt.UTC)
        arrival = next_derivative(catalogue, market, Path(landing.folder), now, limit=PARTITIONS_A_TICK)
        if arrival is None:
            return dg.SkipReason("Every landed file has been worked in.")
        step = arrival.step
        assets = [asset_key(market, layer) for layer in step.layers]
        span = (step.first, step.last)
        wanted = Wanted(market.name, DERIVATIVES_TAG, arrival.digest, " to ".join(span), span, assets)
        return request_once(context.instance, wanted)

    return sensor

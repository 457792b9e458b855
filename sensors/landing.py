"""The sensor that watches the landing folder and lets the research layers follow what arrives."""

import datetime as dt

import dagster as dg

from assets.layer import asset_key
from resources.landing import LandingResource
from resources.store import StoreResource
from sensors.jobs import research_job_name
from sensors.requests import Wanted, request_once
from tradepipe.chain.arrivals import next_arrival
from tradepipe.markets import Market

LANDING_TAG = "tradepipe/landing"
# Partitions of one run, so that a long history arrives in pieces that can fail and be retried alone.
PARTITIONS_A_TICK = 1000


def landing_sensor(market: Market, *, running: bool) -> dg.SensorDefinition:
    """Watch the landing files of `market` and request one run of the layers that must follow.

    New files, changed files, and files that arrive late all count by content, not by time. Each
    tick asks for one step: the first layers that are stale over one contiguous range. What follows
    from them is asked for once they ran.
    """

    @dg.sensor(
        name=f"{market.name}_landing_sensor",
        job_name=research_job_name(market),
        description=f"Files of {market.name} that arrived, changed or are late launch the layers that must follow.",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=30,
    )
    def sensor(
        context: dg.SensorEvaluationContext, store: StoreResource, landing: LandingResource
    ) -> dg.SensorResult | dg.SkipReason:
        opened = store.open()
        arrived = landing.index(opened, market, at_most=market.settings.fetch.batch)
        arrival = next_arrival(opened.catalogue, market, arrived, dt.datetime.now(dt.UTC), limit=PARTITIONS_A_TICK)
        if arrived.has_news:  # so that the next tick reads only what is newer
            arrived.keep(opened, None)
        if arrival is None:
            return dg.SkipReason("Every landed file has been worked in.")
        step = arrival.step
        assets = [asset_key(market, layer) for layer in step.layers]
        span = (step.first, step.last)
        wanted = Wanted(market.name, LANDING_TAG, arrival.digest, " to ".join(span), span, assets)
        return request_once(context.instance, wanted)

    return sensor

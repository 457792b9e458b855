"""The sensor that turns published signals into execution runs."""

import dagster as dg

from resources.store import StoreResource
from sensors.jobs import execution_job_name
from sensors.requests import Wanted, request_once
from tradepipe.chain import pending_signals
from tradepipe.markets import Market

# A tick asks for at most this many partitions: a tick must end well within its time limit.
PARTITIONS_A_TICK = 1000

SIGNALS_TAG = "tradepipe/signals"


def signals_sensor(market: Market, *, running: bool) -> dg.SensorDefinition:
    """Watch the published signals of `market` and request one execution run for what is new.

    The run key is a digest of the signals' content and, after failed runs, the number of the next
    attempt: a run key is remembered for ever, and one failure must not leave signals untraded. That
    no intent becomes two orders is the journal's business, whatever is launched.
    """

    @dg.sensor(
        name=f"{market.name}_signals_sensor",
        job_name=execution_job_name(market),
        description=f"Published signals of {market.name} that were not executed yet launch the execution job.",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=5,
    )
    def sensor(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SensorResult | dg.SkipReason:
        pending = pending_signals(store.open().catalogue, market, limit=PARTITIONS_A_TICK)
        if pending is None:
            return dg.SkipReason("Every published signal has been executed.")
        span = (pending.first, pending.last)
        wanted = Wanted(market.name, SIGNALS_TAG, pending.digest, " to ".join(span), span)
        return request_once(context.instance, wanted)

    return sensor

"""The sensor that turns published signals into execution runs."""

import datetime as dt

import dagster as dg

from resources.store import StoreResource
from sensors.jobs import execution_job_name
from tradepipe.chain import pending_signals
from tradepipe.markets import Market

# A tick asks for at most this many partitions: a tick must end well within its time limit.
PARTITIONS_A_TICK = 1000

PARTITION_RANGE_START = "dagster/asset_partition_range_start"
PARTITION_RANGE_END = "dagster/asset_partition_range_end"


SIGNALS_TAG = "tradepipe/signals"
ATTEMPTS = 5
# A run that has not been heard of for so long died with its process. To run again does no harm.
SILENCE = dt.timedelta(minutes=10)


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
        before = context.instance.get_run_records(dg.RunsFilter(tags={SIGNALS_TAG: pending.digest}))
        alive = [one.dagster_run.run_id for one in before if _is_alive(one)]
        if alive:
            return dg.SkipReason(f"Run {alive[0]} is executing {pending.first} to {pending.last}.")
        if len(before) >= ATTEMPTS:
            return dg.SkipReason(
                f"{pending.first} to {pending.last} failed {len(before)} times, last in run "
                f"{before[0].dagster_run.run_id}. Remedy: mend what it says, then re-execute that run."
            )
        request = dg.RunRequest(
            run_key=f"{market.name}:{pending.digest}:{len(before)}",
            tags={
                PARTITION_RANGE_START: pending.first,
                PARTITION_RANGE_END: pending.last,
                SIGNALS_TAG: pending.digest,
            },
        )
        return dg.SensorResult(run_requests=[request], cursor=pending.digest)

    return sensor


def _is_alive(record: dg.RunRecord) -> bool:
    heard = record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or dt.UTC)
    return not record.dagster_run.is_finished and dt.datetime.now(dt.UTC) - heard < SILENCE

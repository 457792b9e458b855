"""Retraining: the job that fits blocks of symbols wherever the settings say, and the sensor that asks for it."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from assets.partitions import partitions_of
from resources.fits import FitsResource
from resources.store import StoreResource
from sensors.executors import executor_for
from sensors.requests import PARTITION_RANGE_END, PARTITION_RANGE_START, Wanted, request_once
from tradepipe.chain.retraining import Block, BlockDone, blocks_of, due, fit_block, gathered
from tradepipe.markets import Market

RETRAINING_TAG = "tradepipe/retraining"
PARTITIONS_AT_ONCE = 1000
DELIVERIES = 5  # of one block; a block that kills its worker again and again must not go round for ever


def retraining_job_name(market: Market) -> str:
    """Name of the market's retraining job."""
    return f"{market.name}_retraining"


def retraining_job(market: Market) -> dg.JobDefinition:
    """Fit the chains of a partition, or of a tagged range of them, block by block, and keep them.

    `member_forecasts` of these partitions then fits nothing. `retraining.executor` says where blocks are fitted; what
    is kept, and the digest, are the same.
    """
    told = market.settings.forecasts.retraining
    threads = told.workers if told.executor == "threads" else 1

    @dg.op(
        name=f"{market.name}_blocks",
        out=dg.DynamicOut(str),
        description="What is to be fitted, in parts that depend on nothing but themselves.",
    )
    def blocks(context: dg.OpExecutionContext) -> Iterator[dg.DynamicOutput[str]]:
        for block in blocks_of(market, _keys(context, market)):
            yield dg.DynamicOutput(block.to_json(), mapping_key=block.name)

    @dg.op(name=f"{market.name}_fit_block", description="Fit one block, keep what was fitted, and tell its digest.")
    def fit(context: dg.OpExecutionContext, block: str, store: StoreResource, fits: FitsResource) -> str:
        _refuse_endless(context)
        done = fit_block(store.open(), market, Block.from_json(block), fits.open(), threads=threads)
        context.add_output_metadata({"chains": done.chains, "fitted now": done.made, "digest": done.digest})
        return done.to_json()

    @dg.op(name=f"{market.name}_gathered", description="All blocks in one digest: the same on every executor.")
    def gather(context: dg.OpExecutionContext, done: list[str]) -> str:
        whole = gathered(market, [BlockDone.from_json(one) for one in done])
        context.add_output_metadata(
            {"blocks": len(done), "chains": whole.chains, "fitted now": whole.made, "digest": whole.digest}
        )
        context.log.info("%d chains in %d blocks, digest %s", whole.chains, len(done), whole.digest)
        return whole.to_json()

    @dg.job(
        name=retraining_job_name(market),
        description=f"Fit the models of {market.name} ahead of its member forecasts ({told.executor}).",
        partitions_def=partitions_of(market),
        tags={"market": market.name},
        executor_def=executor_for(told),
    )
    def job() -> None:
        gather(blocks().map(fit).collect())

    return job


def retraining_sensor(market: Market, *, running: bool) -> dg.SensorDefinition:
    """Ask for retraining where data, settings or code are newer than the forecasts, on drift, and by age.

    The run key is a digest of what asks, so the same is asked for once, however often the sensor ticks.
    """

    @dg.sensor(
        name=f"{market.name}_retraining_sensor",
        job_name=retraining_job_name(market),
        description=f"New data, drift and age launch the retraining of {market.name}.",
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=60,
    )
    def sensor(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SensorResult | dg.SkipReason:
        now, trained_at = dt.datetime.now(dt.UTC), _trained_at(context.instance, market)
        for one in due(store.open(), market, now, trained_at, limit=PARTITIONS_AT_ONCE):
            if not _was_done(context.instance, one.digest):
                what, span = f"{one.first}..{one.last}: {one.reason}", (one.first, one.last)
                return request_once(
                    context.instance, Wanted(f"{market.name}:retraining", RETRAINING_TAG, one.digest, what, span)
                )
        return dg.SkipReason(f"The models of {market.name} are as new as its data.")

    return sensor


def _keys(context: dg.OpExecutionContext, market: Market) -> list[str]:
    tags = context.run.tags
    if PARTITION_RANGE_START in tags:
        return market.partitions.keys(tags[PARTITION_RANGE_START], tags[PARTITION_RANGE_END])
    return [context.partition_key]


def _refuse_endless(context: dg.OpExecutionContext) -> None:
    """Fail a block whose earlier deliveries all died: its worker was killed each time, say for lack of memory."""
    step = context.get_step_execution_context().step.key
    begun = context.instance.all_logs(context.run_id, of_type=dg.DagsterEventType.STEP_START)
    if (times := sum(one.step_key == step for one in begun)) > DELIVERIES:
        raise dg.Failure(
            f"{step} was begun {times} times in this run and its process died each time. Remedy: look at the "
            "workers' memory, make forecasts.retraining.block smaller, then re-execute the run.",
            allow_retries=False,
        )


def _trained_at(instance: dg.DagsterInstance, market: Market) -> dt.datetime | None:
    succeeded = dg.RunsFilter(job_name=retraining_job_name(market), statuses=[dg.DagsterRunStatus.SUCCESS])
    newest = instance.get_run_records(succeeded, limit=1)
    ended = newest[0].end_time if newest else None
    return None if ended is None else dt.datetime.fromtimestamp(ended, dt.UTC)


def _was_done(instance: dg.DagsterInstance, digest: str) -> bool:
    succeeded = dg.RunsFilter(tags={RETRAINING_TAG: digest}, statuses=[dg.DagsterRunStatus.SUCCESS])
    return bool(instance.get_run_records(succeeded, limit=1))

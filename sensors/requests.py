"""Requests for runs that must happen once for each content, however often a sensor ticks."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

PARTITION_RANGE_START = "dagster/asset_partition_range_start"
PARTITION_RANGE_END = "dagster/asset_partition_range_end"

ATTEMPTS = 5
# A run that has not been heard of for so long died with its process. To run again does no harm.
SILENCE = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Wanted:
    """A run because of content with this digest, over a range of partitions where it has such.

    `name` begins the run key; `tag` is the run tag under which its digest, and so its attempts, are
    found; `what` is for a person to read.
    """

    name: str
    tag: str
    digest: str
    what: str
    partitions: tuple[str, str] | None = None
    assets: Sequence[dg.AssetKey] | None = None


def request_once(instance: dg.DagsterInstance, wanted: Wanted) -> dg.SensorResult | dg.SkipReason:
    """A request for `wanted`, unless a run of this content is alive or has failed too often.

    The run key is the digest and, after failed runs, the number of the next attempt: a run key is
    remembered for ever, and one failure must not leave content unprocessed.
    """
    before = instance.get_run_records(dg.RunsFilter(tags={wanted.tag: wanted.digest}))
    alive = [one.dagster_run.run_id for one in before if is_alive(one)]
    if alive:
        return dg.SkipReason(f"Run {alive[0]} is at work on {wanted.what}.")
    if len(before) >= ATTEMPTS:
        return dg.SkipReason(
            f"{wanted.what} failed {len(before)} times, last in run "
            f"{before[0].dagster_run.run_id}. Remedy: mend what it says, then re-execute that run."
        )
    tags = {wanted.tag: wanted.digest}
    if wanted.partitions is not None:
        tags |= dict(zip((PARTITION_RANGE_START, PARTITION_RANGE_END), wanted.partitions, strict=True))
    key = f"{wanted.name}:{wanted.digest}:{len(before)}"
    request = dg.RunRequest(run_key=key, tags=tags, asset_selection=wanted.assets)
    return dg.SensorResult(run_requests=[request], cursor=wanted.digest)


def is_alive(record: dg.RunRecord) -> bool:
    """Whether the run is unfinished and has been heard of lately."""
    heard = record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or dt.UTC)
    return not record.dagster_run.is_finished and dt.datetime.now(dt.UTC) - heard < SILENCE

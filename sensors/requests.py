"""Requests for runs that must happen once for each content, however often a sensor ticks."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

PARTITION_RANGE_START = "dagster/asset_partition_range_start"
PARTITION_RANGE_END = "dagster/asset_partition_range_end"

ATTEMPTS = 5
# A run that has not been heard of for so long died with its process. To run again does no harm.
SILENCE = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Wanted:
    """A run over a range of partitions, because of content with this digest.

    `name` begins the run key; `tag` is the run tag under which its digest, and so its attempts, are found.
    """

    name: str
    tag: str
    digest: str
    first: str
    last: str
    assets: Sequence[dg.AssetKey] | None = None
    tags: Mapping[str, str] | None = None


def request_once(instance: dg.DagsterInstance, wanted: Wanted) -> dg.SensorResult | dg.SkipReason:
    """A request for `wanted`, unless a run of this content is alive or has failed too often.

    The run key is the digest and, after failed runs, the number of the next attempt: a run key is
    remembered for ever, and one failure must not leave content unprocessed.
    """
    before = instance.get_run_records(dg.RunsFilter(tags={wanted.tag: wanted.digest}))
    alive = [one.dagster_run.run_id for one in before if is_alive(one)]
    if alive:
        return dg.SkipReason(f"Run {alive[0]} is at work on {wanted.first} to {wanted.last}.")
    if len(before) >= ATTEMPTS:
        return dg.SkipReason(
            f"{wanted.first} to {wanted.last} failed {len(before)} times, last in run "
            f"{before[0].dagster_run.run_id}. Remedy: mend what it says, then re-execute that run."
        )
    request = dg.RunRequest(
        run_key=f"{wanted.name}:{wanted.digest}:{len(before)}",
        tags={
            PARTITION_RANGE_START: wanted.first,
            PARTITION_RANGE_END: wanted.last,
            wanted.tag: wanted.digest,
            **(wanted.tags or {}),
        },
        asset_selection=wanted.assets,
    )
    return dg.SensorResult(run_requests=[request], cursor=wanted.digest)


def is_alive(record: dg.RunRecord) -> bool:
    """Whether the run is unfinished and has been heard of lately."""
    heard = record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or dt.UTC)
    return not record.dagster_run.is_finished and dt.datetime.now(dt.UTC) - heard < SILENCE

"""What landed and was not worked in yet: the next run that makes the research layers follow it."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.chain.landing import LandingIndex
from tradepipe.chain.layers import RESEARCH, dataset, research
from tradepipe.chain.staleness import Stale, stale_partitions
from tradepipe.chain.steps import Step, next_steps
from tradepipe.contracts import UNPLACED
from tradepipe.markets import Market
from tradepipe.store import Catalogue


@dataclass(frozen=True)
class Arrival:
    """Layers to run over a range of partitions, and a digest of the content that asks for it.

    The digest names what landed and the generations that stand now. So content that comes back
    after another asks again, and the same content never asks twice once it was worked in.
    """

    step: Step
    digest: str


def next_arrival(
    catalogue: Catalogue, market: Market, landing: LandingIndex, now: dt.datetime, *, limit: int
) -> Arrival | None:
    """The next step towards research layers that follow the landing folder; None when they do.

    Partitions before the first with landed rows, or with what came of files that are gone, are left
    alone: nothing says yet that there is anything to know of them.

    Args:
        catalogue: what is published.
        market: whose files they are.
        landing: the landing folder at this moment.
        now: aware; partitions up to its session are looked at.
        limit: partitions of a step at most.
    """
    landed = landing.table.filter((pl.col("rows") > 0) & (pl.col("partition") != UNPLACED))["partition"]
    published = catalogue.current_of([dataset(market.name, layer) for layer in research(market)])
    known = [*landed, *(key for current in published.values() for key, one in current.items() if one.rows)]
    if not known:
        return None
    newest = market.newest_date(now)
    keys = [key for key in market.partitions.keys(market.settings.start, newest) if key >= min(known)]
    stale = stale_partitions(catalogue, market, keys, landing)
    steps = next_steps(stale, keys, research(market))
    if not steps:
        return None
    first = keys.index(steps[0].first)
    last = keys[min(keys.index(steps[0].last), first + limit - 1)]
    step = Step(steps[0].layers, steps[0].first, last)
    return Arrival(step, _digest(catalogue, market, landing, step, stale))


def _digest(catalogue: Catalogue, market: Market, landing: LandingIndex, step: Step, stale: Sequence[Stale]) -> str:
    current = catalogue.current_of([dataset(market.name, layer) for layer in step.layers])
    told = [market.name]  # two markets may read the same files
    for one in stale:
        if one.layer in step.layers and step.first <= one.partition <= step.last:
            stands = current[dataset(market.name, one.layer)].get(one.partition)
            told.append(f"{one.layer} {one.partition} {one.reason} {stands.id if stands else '-'}")
            if one.layer == RESEARCH[0]:
                told += [f"{file} {sha256}" for (_, file), sha256 in sorted(landing.contents(one.partition).items())]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]

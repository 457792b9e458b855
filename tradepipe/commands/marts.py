"""Bring a market's marts up to date: what is stale, in as few runs as the ranges allow."""

from collections.abc import Sequence

from tradepipe.chain import Stale, Step, ranges
from tradepipe.chain.marts import stale_marts
from tradepipe.commands.project import Project
from tradepipe.markets import Market
from tradepipe.paths import sql_folder
from tradepipe.warehouse import ALL, load_marts


def stale_of(project: Project, market: Market, keys: Sequence[str]) -> list[Stale]:
    """The stale partitions of the market's marts, each mart after those it reads."""
    return stale_marts(project.store.catalogue, market, load_marts(sql_folder()), keys)


def mart_steps(stale: Sequence[Stale], keys: Sequence[str]) -> list[Step]:
    """The runs that bring `stale` up to date: one a range of partitions, marts that span them all in the last."""
    parted = [one for one in stale if one.partition != ALL]
    spanning = tuple(dict.fromkeys(one.layer for one in stale if one.partition == ALL))
    steps = [
        Step(tuple(dict.fromkeys(one.layer for one in parted if first <= one.partition <= last)), first, last)
        for first, last in ranges({one.partition for one in parted}, keys)
    ] or [Step((), keys[-1], keys[-1])]
    return [*steps[:-1], Step((*steps[-1].layers, *spanning), steps[-1].first, steps[-1].last)] if stale else []

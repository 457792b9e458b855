"""Bring markets up to date: re-run what is stale, nothing else, then execute new signals."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tradepipe.chain import Stale, Step, next_steps, research, stale_partitions, with_inputs
from tradepipe.chain.derivatives import DERIVATIVES, stale_derivatives
from tradepipe.commands.marts import mart_steps, stale_of
from tradepipe.commands.project import Project
from tradepipe.markets import Market


class RunFailedError(RuntimeError):
    """A Dagster run failed. What was published before stays as it was."""


@dataclass
class Updated:
    """What an update did: layer -> partitions run, and the runs that executed signals."""

    partitions: dict[str, int] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    executions: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def nothing_done(self) -> bool:
        return not self.runs and not self.executions


def update(
    project: Project,
    market: Market,
    *,
    first: str | None = None,
    last: str | None = None,
    execute: bool = True,
) -> Updated:
    """Re-run what is stale between `first` and `last` and below it, then execute new signals.

    Below are the partitions that those are computed from. Derivatives come first, because
    indicators can read them; marts come last.

    Staleness is looked at again after each run: a layer whose content came out the same leaves
    the layers after it alone. Progress is reported to `tradepipe.observability.progress`.

    Raises:
        PartitionKeyError: there is no such partition.
        RunFailedError: with the message of the step that failed.
    """
    started, done = time.monotonic(), Updated()
    keys = with_inputs(market, project.keys(market, first, last))
    _update_derivatives(project, market, keys, done)
    ran: dict[Step, str] = {}
    while stale := _stale(project, market, keys):
        for step in next_steps(stale, keys, research(market)):
            reason = stale[0].reason
            if ran.get(step) == reason:
                raise RunFailedError(
                    f"{market.name} {step.first}..{step.last}: {step.layers[0]} is stale after its run: {reason}. "
                    "Remedy: `tradepipe stale` shows all; is something still writing to the landing folder?"
                )
            _run(project, market, step, keys, done)
            ran[step] = reason
    landing = project.landing(market)
    if landing.has_news:  # files without a row of any partition make nothing stale, and are kept all the same
        landing.keep(project.store, None)
    if execute and market.settings.execution.enabled:
        _execute(project, market, done)
    _update_marts(project, market, keys, done)
    done.seconds = time.monotonic() - started
    return done


def _stale(project: Project, market: Market, keys: Sequence[str]) -> list[Stale]:
    return stale_partitions(project.store.catalogue, market, keys, project.landing(market))


def _run(project: Project, market: Market, step: Step, keys: Sequence[str], done: Updated) -> None:
    _materialise(project, market, step, done)
    count = keys.index(step.last) - keys.index(step.first) + 1
    for layer in step.layers:
        done.partitions[layer] = done.partitions.get(layer, 0) + count


def _materialise(project: Project, market: Market, step: Step, done: Updated) -> None:
    outcome = project.runner.materialise(market, step.layers, step.first, step.last)
    if not outcome.success:
        raise RunFailedError(
            f"{market.name} {step.first}..{step.last}: {outcome.error}\n(Dagster run {outcome.run_id})"
        )
    done.runs.append(outcome.run_id)


def _update_derivatives(project: Project, market: Market, keys: Sequence[str], done: Updated) -> None:
    folder, before = project.settings.landing_folder, list[Stale]()
    while stale := stale_derivatives(project.store.catalogue, market, folder, keys):
        if stale == before:
            raise RunFailedError(
                f"{market.name}: {stale[0].layer} {stale[0].partition} is stale after its run: {stale[0].reason}. "
                "Remedy: `tradepipe stale` shows all; is something still writing to the landing folder?"
            )
        for step in next_steps(stale, keys, list(DERIVATIVES)):
            _run(project, market, step, keys, done)
        before = stale


def _update_marts(project: Project, market: Market, keys: Sequence[str], done: Updated) -> None:
    before: list[Stale] = []
    while stale := stale_of(project, market, keys):
        if stale == before:
            raise RunFailedError(
                f"{market.name}: {stale[0].layer} {stale[0].partition} is stale after its run: {stale[0].reason}. "
                "Remedy: `tradepipe stale` shows all; is another run publishing?"
            )
        for step in mart_steps(stale, keys):
            _materialise(project, market, step, done)
        for one in stale:
            done.partitions[one.layer] = done.partitions.get(one.layer, 0) + 1
        before = stale


def _execute(project: Project, market: Market, done: Updated) -> None:
    for outcome in project.runner.execute_pending_signals(market):
        if not outcome.success:
            raise RunFailedError(f"{market.name} execution: {outcome.error}\n(Dagster run {outcome.run_id})")
        done.executions.append(outcome.run_id)

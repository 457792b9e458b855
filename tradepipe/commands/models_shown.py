"""`tradepipe models show` and `lineage`: one version, and the way between it and a signal or an order."""

import datetime as dt
import re
from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.table import Table

from tradepipe.chain.lineage import trace
from tradepipe.chain.model_lineage import MemberUsed, made_with, members_used, signal_of
from tradepipe.commands.models import registry_of, the_market
from tradepipe.commands.project import Project
from tradepipe.execution import Journal
from tradepipe.execution.explain import explain
from tradepipe.forecasting.registry import METRICS, ModelRegistry, Registered, UnknownModelError, metric
from tradepipe.forecasting.registry.metrics import ADDED
from tradepipe.store import Input

_SIGNAL = re.compile(r"(?P<symbol>[^@/]+)@(?P<session>\d{4}-\d{2}-\d{2})")
_SHOWN = 5  # of many generations


def show_version(project: Project, console: Console, name: str, market: str | None) -> None:
    """Everything the registry knows of a version.

    Raises:
        UnknownModelError: there is none, or several.
    """
    registry = registry_of(project)
    one = registry.get(name, market)
    told, fits, data = one.version, one.version.fits, registry.data(one)
    lines = {
        "version": f"{one.id} of {told.market}: {one.status}"
        + (f" in {', '.join(one.regimes)}" if one.regimes else ""),
        "mean": told.mean,
        "variance": told.variance,
        "engines": ", ".join(f"{name} {share:.1%} of the fits" for name, share in told.engines.items()),
        "trained": f"{told.first_session} to {told.last_session}, code {told.code_version}",
        "on": "; ".join(_ranges(data)) or "-",
        "fits": f"{fits.dataset} {fits.partition}, generation {fits.generation}, content {fits.content}",
        "registered": f"{one.registered_at:%Y-%m-%d %H:%M:%S} UTC by run {one.run_id or '-'}",
        "supersedes": one.supersedes,
        "superseded": one.superseded_by and f"by {one.superseded_by}",
    }
    for label, text in lines.items():
        if text:
            console.print(f"{label:<11}{text}", markup=False, soft_wrap=True)
    if told.parameters:
        table = _table("parameter", "least", "median", "most")
        for parameter, three in told.parameters.items():
            table.add_row(parameter, *(f"{value:.6g}" for value in three))
        console.print(table)
    _show_metrics(registry, one, console)
    for event in registry.history(one):
        where = f" in {event.regime}" if event.regime else ""
        console.print(
            f"{event.at:%Y-%m-%d %H:%M} {event.happening.replace('_', ' ')}{where} by {event.who}: {event.why}",
            markup=False,
            soft_wrap=True,
        )


def show_lineage(project: Project, console: Console, name: str, market: str | None) -> None:
    """From an order or a signal to the versions it rests on; from a version to what was made with it.

    Args:
        project: whose registry, store and journal.
        console: where to print.
        name: an order's id or its beginning, a signal as SYMBOL@SESSION, or a version with its slashes.
        market: of the signal or version.

    Raises:
        UnknownModelError: there is no such version.
        OrderNotFoundError: there is no such order.
        LineageError: there is no such signal, or the way back is broken.
    """
    if "/" in name:
        _show_made(project, console, registry_of(project).get(name, market))
        return
    if signal := _SIGNAL.fullmatch(name):
        chosen = the_market(project, market)
        try:
            session = dt.date.fromisoformat(signal["session"])
        except ValueError:
            raise UnknownModelError(f"{signal['session']!r} is no date. Remedy: SYMBOL@2018-12-31") from None
        symbol = signal["symbol"]
        generation, decided_at = signal_of(project.store, chosen, symbol, session)
    else:
        from tradepipe.commands.why import completed  # noqa: PLC0415 - it shows our lines too

        found = explain(Journal.open(project.settings.journal_url), completed(project, name))
        if found.source is None:
            console.print("The journal names no signal for this order.")
            return
        chosen, symbol = project.market(found.intent["market"]), found.intent["symbol"]
        generation, decided_at = found.source.generation, dt.datetime.fromisoformat(found.intent["decided_at"])
        console.print(f"order      {found.client_order_id}")
    hops, _ = trace(
        project.store,
        chosen,
        project.settings.landing_folder,
        generation=generation,
        symbol=symbol,
        decided_at=decided_at,
    )
    for hop in hops[:3]:
        one = hop.generation
        console.print(f"{hop.layer:<17}{one.partition}, generation {one.id}, content {one.content}", soft_wrap=True)
    tell_members(console, members_used(project.store, chosen, hops))


def tell_members(console: Console, used: Sequence[MemberUsed]) -> None:
    """A line a version that a signal rests on."""
    if not used:
        console.print("models     their file was removed, superseded or evicted")
    for number, one in enumerate(used):
        weight = "" if one.weight is None else f"weight {one.weight:.3g}, "
        instead = f", instead of its own engine: {one.fallback}" if one.fallback else ""
        label = "models" if number == 0 else ""
        console.print(
            f"{label:<11}{one.version}: {weight}fitted after {one.session} by {one.engine}{instead}",
            markup=False,
            soft_wrap=True,
        )


def _show_made(project: Project, console: Console, one: Registered) -> None:
    told = one.version
    console.print(f"{one.id} of {told.market}: {one.status}")
    made = made_with(project.store, project.market(told.market), told)
    table = _table("made with it", "partition", "generation", "rows", "content", "state")
    for layer, generations in made.items():
        for generation in generations[-_SHOWN:]:
            state = "current" if generation.superseded_at is None else f"superseded {generation.superseded_at:%Y-%m-%d}"
            table.add_row(
                layer,
                generation.partition,
                str(generation.id),
                f"{generation.rows:,}",
                generation.content[:12],
                state,
            )
        if len(generations) > _SHOWN:
            table.add_row(layer, f"and {len(generations) - _SHOWN} before", "", "", "", "")
    console.print(table)


def _show_metrics(registry: ModelRegistry, one: Registered, console: Console) -> None:
    evidence = registry.evidence(one.version.market, one)
    if evidence.is_empty():
        console.print("No evaluation has judged it yet.")
        return
    told = evidence.group_by("regime", "horizon").agg(
        *(pl.col(name).sum() for name in ADDED), pl.col("partition").unique().sort()
    )
    rows = told.sort("regime", "horizon").select(
        "regime", "horizon", "forecasts", *(metric(name).alias(f"metric {name}") for name in METRICS), "partition"
    )
    table = _table("regime", "horizon", "forecasts", *(name.replace("_", " ") for name in METRICS), "evaluated in")
    for regime, horizon, forecasts, *values, partitions in rows.rows():
        shown = ["-" if value is None else f"{value:.4g}" for value in values]
        table.add_row(regime, str(horizon), f"{forecasts:,}", *shown, ", ".join(partitions))
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _ranges(data: Sequence[Input]) -> list[str]:
    by_dataset: dict[str, list[str]] = {}
    for one in data:
        by_dataset.setdefault(one.dataset, []).append(one.partition)
    return [f"{name} {min(keys)} to {max(keys)} ({len(keys)} generations)" for name, keys in by_dataset.items()]

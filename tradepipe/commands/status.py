"""`tradepipe run`, `status` and `stale`: what was done, what there is, what is left behind."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from tradepipe.chain import (
    LANDING_LAYER,
    LAYERS,
    TRADING,
    dataset,
    quarantine_of,
    research,
    stale_partitions,
    with_inputs,
)
from tradepipe.chain.derivatives import derivatives_of, stale_derivatives
from tradepipe.commands.marts import stale_of
from tradepipe.commands.project import Project
from tradepipe.commands.run import Updated, update
from tradepipe.markets import Market
from tradepipe.observability.display import progress_display

STALE_SHOWN = 20


def show_update(  # noqa: PLR0913 - one argument an option
    project: Project, market: Market, console: Console, *, first: str | None, last: str | None, execute: bool
) -> Updated:
    """Update `market` with a progress display, and say in a line what was done."""
    project.keys(market, first, last)  # a wrong bound is said before the display starts
    stages = [*research(market), *(TRADING if execute and market.settings.execution.enabled else ())]
    with progress_display(console, stages):
        done = update(project, market, first=first, last=last, execute=execute)
    if done.nothing_done:
        console.print(f"{market.name}: nothing to recompute, every partition is up to date ({done.seconds:.1f} s).")
    else:
        count = sum(done.partitions.values())
        console.print(
            f"{market.name}: {count} partitions in {len(done.runs)} runs, "
            f"{len(done.executions)} execution runs, {done.seconds:.1f} s."
        )
    return done


def show_status(project: Project, market: Market, console: Console) -> None:
    """Partitions, rows, refused rows and newest partition of each layer."""
    columns = ("layer", "partitions", "rows", "refused", "newest")
    table = Table(*columns, title=market.name, title_justify="left", box=None, pad_edge=False)
    beside = [layer.name for layer in derivatives_of(market)]
    for name in (*(layer for layer in LAYERS if LAYERS[layer].exists(market)), *beside):
        current = project.store.catalogue.current(dataset(market.name, name), None)
        refused = project.store.catalogue.current(quarantine_of(dataset(market.name, name)), None)
        table.add_row(
            name,
            f"{len(current):,}",
            f"{sum(generation.rows for generation in current.values()):,}",
            f"{sum(generation.rows for generation in refused.values()):,}",
            max(current, default="-"),
        )
    unplaced = project.store.catalogue.current(quarantine_of(dataset(market.name, LANDING_LAYER)), None)
    if unplaced:
        table.add_row(LANDING_LAYER, "-", "-", f"{sum(generation.rows for generation in unplaced.values()):,}", "-")
    console.print(table)


def show_stale(project: Project, market: Market, console: Console, first: str | None, last: str | None) -> bool:
    """List stale partitions with the reason, those of trading included; True if there are any."""
    asked = project.keys(market, first, last)
    keys = with_inputs(market, asked)
    layers = (*research(market), *(TRADING if market.settings.execution.enabled else ()))
    found = stale_partitions(project.store.catalogue, market, keys, project.landing(market), layers)
    found = [one for one in found if one.partition in set(asked)]
    found += stale_derivatives(project.store.catalogue, market, project.settings.landing_folder, asked)
    found += stale_of(project, market, asked)
    if not found:
        console.print(f"{market.name}: every partition is up to date.")
        return False
    counts = Counter(one.layer for one in found)
    console.print(
        f"{market.name}: {len(found)} stale partitions (" + ", ".join(f"{n} {c}" for n, c in counts.items()) + ")"
    )
    table = Table("layer", "partition", "because", box=None, pad_edge=False)
    for one in found[:STALE_SHOWN]:
        table.add_row(one.layer, one.partition, one.reason)
    console.print(table)
    if len(found) > STALE_SHOWN:
        console.print(f"… and {len(found) - STALE_SHOWN} more")
    console.print("`tradepipe run` re-runs exactly these.")
    return True

"""`tradepipe blast-radius`: what rests on one bar, and what was sent on it."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tradepipe.chain.blast_radius import BlastRadius, NoSuchBarError, Touched, blast_radius
from tradepipe.commands.project import Project
from tradepipe.execution import Journal
from tradepipe.markets import Market

ORDERS_SHOWN = 20


class SessionError(ValueError):
    """What was given is no date."""


def show_blast_radius(  # noqa: PLR0913 - one argument an option
    project: Project, markets: Sequence[Market], console: Console, symbol: str, session: str, *, as_json: bool = False
) -> None:
    """Tell what was computed from the bar of `symbol` in `session` (ISO date), in each market that has it.

    Raises:
        SessionError: `session` is no date.
        NoSuchBarError: none of the markets ever published such a bar.
    """
    try:
        day = dt.date.fromisoformat(session)
    except ValueError:
        raise SessionError(f"{session!r} is no session; expected a date such as 2018-06-05") from None
    journal = Journal.open(project.settings.journal_url)
    found, missing = [], []
    try:
        for market in markets:
            try:
                found.append(blast_radius(project.store, market, symbol, day, journal))
            except NoSuchBarError as error:
                missing.append(str(error))
    finally:
        journal.close()
    if not found:
        raise NoSuchBarError("\n".join(missing))
    if as_json:
        console.out(json.dumps([asdict(one) for one in found], indent=1, default=str))
        return
    for one in found:
        _tell(console, one)


def _tell(console: Console, found: BlastRadius) -> None:
    which = "its old words" if found.restated else "it; it was never restated"
    console.print(f"{found.market}: {found.symbol} in session {found.session}, what rests on {which}")
    table = Table("known at", "until", *("open", "high", "low", "close", "volume"), "delivered in", "bars", box=None)
    for one in found.versions:
        numbers = [f"{value:.10g}" for value in (one.open, one.high, one.low, one.close, one.volume)]
        until = f"{one.superseded_at:%Y-%m-%d %H:%M}" if one.superseded_at else "-"
        where = "\n".join(one.delivered_in) or "no file any more"
        table.add_row(f"{one.known_at:%Y-%m-%d %H:%M}", until, *numbers, where, _ids(one.generations))
    console.print(table)
    _tell_partitions(console, found)
    for use in found.models:
        console.print(
            f"forecasts  {use.model}, horizon {use.horizon}: {use.rows:,} rows, "
            f"origins {use.first_origin} to {use.last_origin}"
        )
    if found.signals:
        sessions, symbols = [one.session for one in found.signals], {one.symbol for one in found.signals}
        of = f" of {len(symbols)} symbols" if len(symbols) > 1 else ""
        console.print(f"signals    {len(found.signals):,} intents{of}, {min(sessions)} to {max(sessions)}")
    _tell_orders(console, found)


def _tell_partitions(console: Console, found: BlastRadius) -> None:
    if not found.partitions:
        console.print("No partition was computed from it.")
        return
    by_layer: dict[str, list[Touched]] = {}
    for one in found.partitions:
        by_layer.setdefault(one.layer, []).append(one)
    table = Table("layer", "partition", "generation", "now", "state", "rows", "from", box=None, pad_edge=False)
    for one in found.partitions:
        state = "evicted" if one.current is None else "computed again" if one.recomputed else "rests on it"
        rows = "swept" if one.rows is None else f"{one.rows:,}"
        told = _ids(one.generations)
        table.add_row(one.layer, one.partition, told, str(one.current or "-"), state, rows, str(one.first_session))
    console.print(table)
    standing = sum(one.current is not None and not one.recomputed for one in found.partitions)
    counts = ", ".join(f"{layer} {len(touched)}" for layer, touched in by_layer.items())
    console.print(f"{len(found.partitions)} partitions ({counts}); {standing} rest on it still.")


def _tell_orders(console: Console, found: BlastRadius) -> None:
    if not found.orders:
        console.print("No order was decided on it.")
        return
    sent = sum(one.sent for one in found.orders)
    console.print(f"{len(found.orders)} orders were decided on it, {sent} sent:")
    table = Table("order", "symbol", "session", "state", "quantity", "signals", box=None, pad_edge=False)
    for one in found.orders[:ORDERS_SHOWN]:
        told = str(one.session), one.state, one.quantity, str(one.signal_generation)
        table.add_row(one.client_order_id, one.symbol, *told)
    console.print(table)
    if len(found.orders) > ORDERS_SHOWN:
        console.print(f"… and {len(found.orders) - ORDERS_SHOWN} more; --json prints all")


def _ids(generations: Sequence[int]) -> str:
    return ", ".join(map(str, generations)) or "-"

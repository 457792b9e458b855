"""`tradepipe why`: from an order back to the line of the landing file, every hash looked at once more."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from tradepipe.chain import dataset
from tradepipe.chain.lineage import Hop, trace
from tradepipe.chain.model_lineage import members_used
from tradepipe.commands.models_shown import tell_members
from tradepipe.commands.project import Project
from tradepipe.execution import Journal
from tradepipe.execution.explain import Explanation, OrderNotFoundError, explain

# What a person wants to see of each layer's row.
TOLD = {
    "signals": ("target_weight", "edge_bps", "score", "volatility_bps"),
    "forecasts": ("model", "horizon", "mean_return", "volatility", "fitted_through", "engine"),
    "member_forecasts": ("fitted_through",),
    "indicators": ("log_return",),
    "bars": ("open", "high", "low", "close", "volume", "quality"),
    "raw_bars": ("close", "known_at", "file", "line"),
}


def show_why(project: Project, order: str, console: Console) -> None:
    """Explain the order whose id is, or begins with, `order`.

    Raises:
        OrderNotFoundError: there is no such order, or several begin so.
        LineageError: the way back is broken.
    """
    found = explain(Journal.open(project.settings.journal_url), completed(project, order))
    intent = found.intent
    _tell_order(console, found)
    _tell_gates(console, found)
    if found.source is None:
        console.print("The journal names no signal for this order.")
        return
    hops, origin = trace(
        project.store,
        project.market(intent["market"]),
        project.settings.landing_folder,
        generation=found.source.generation,
        symbol=intent["symbol"],
        decided_at=dt.datetime.fromisoformat(intent["decided_at"]),
    )
    for hop in hops:
        _tell_hop(console, hop)
        if hop.layer == "member_forecasts":
            tell_members(console, members_used(project.store, project.market(intent["market"]), hops))
    if origin is None:
        console.print("began in   a landing file that the raw bars would tell, but their file was removed")
    else:
        state = {True: "unchanged", False: "CHANGED since", None: "no longer in the landing folder"}[origin.intact]
        console.print(f"began in   {origin.file}, line {origin.line} ({state})")
        console.print(f"           sha256 {origin.sha256}")
    console.print(f"runs       {', '.join(found.run_ids) or '-'}")
    console.print(
        f"journal    rows {', '.join(str(row.seq) for row in found.rows)}, last hash {found.rows[-1].row_hash}"
    )


def completed(project: Project, order: str) -> str:
    """The whole id that begins with `order`, from the published orders; `order` itself if none does."""
    for market in project.markets.values():
        name = dataset(market.name, "orders")
        if name not in project.store.catalogue.datasets():
            continue
        ids = project.store.read(name, columns=["client_order_id"])["client_order_id"]
        matching = ids.filter(ids.str.starts_with(order))
        if len(matching) == 1:
            return str(matching[0])
        if len(matching) > 1:
            raise OrderNotFoundError(f"{order}… ({len(matching)} orders begin so)")
    return order


def _tell_order(console: Console, found: Explanation) -> None:
    intent, decision = found.intent, found.decision
    reason = f" ({found.reason})" if found.reason else ""
    console.print(f"order      {found.client_order_id}: {found.state}{reason}")
    console.print(
        f"intent     {intent['strategy']} wants {_number(intent['target_weight'])} of equity in {intent['symbol']}"
    )
    console.print(f"           decided {intent['decided_at']} on the close {_number(intent['reference_price'])}")
    console.print(f"quantity   {_number(decision['quantity'])}")
    for fill in found.fills:
        console.print(
            f"fill       {fill['side']} {_number(fill['quantity'])} at {_number(fill['price'])} "
            f"on {fill['filled_at']}, fee {_number(fill['fee'])}, slippage {_number(fill['slippage'])}"
        )


def _tell_gates(console: Console, found: Explanation) -> None:
    edge, horizon = _number(found.intent["edge_bps"]), found.intent["horizon"]
    console.print(
        f"because    edge {edge} bps over {horizon} bars against a cost of {_number(found.decision['cost_bps'])} bps"
    )
    for gate, verdict in (("cost gate", found.cost), ("risk gate", found.risk)):
        if verdict is not None:
            console.print(f"{gate}  {_told(verdict)}")


def _tell_hop(console: Console, hop: Hop) -> None:
    one = hop.generation
    removed = f"its file was removed on {one.swept_at:%Y-%m-%d}, superseded or evicted" if one.swept_at else ""
    state = {True: "intact", False: "the file CHANGED since", None: removed}[hop.intact]
    said = ", ".join(f"{name} {_number(hop.row[name])}" for name in TOLD[hop.layer] if hop.row.get(name) is not None)
    console.print(f"{hop.layer:<10} {one.partition}, generation {one.id}, {hop.inputs} inputs, {state}")
    console.print(f"           sha256 {one.sha256}")
    if said:
        console.print(f"           {said}")


def _told(verdict: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in verdict.items() if value is not None)


def _number(value: object) -> str:
    """A number as a person reads it: no more digits than matter."""
    try:
        return f"{float(str(value)):.6g}" if not isinstance(value, bool) else str(value)
    except ValueError:
        return str(value)

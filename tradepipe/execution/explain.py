"""Why an order is what it is: everything the journal holds about it, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradepipe.execution.canonical import Payload
from tradepipe.execution.journal import Journal, Row
from tradepipe.execution.model import SignalSource
from tradepipe.execution.orders import fold


class OrderNotFoundError(LookupError):
    """No order of this id is in the journal."""

    def __init__(self, order: str) -> None:
        super().__init__(
            f"no order {order!r} in the journal. Remedy: give an id of 28 characters that starts with tp; "
            "the orders layer lists them."
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """One order, from the wish to its fills. Amounts and times are the journal's own text.

    `decision` is code, quantity, expected cost and sizing; `cost` and `risk` are the gates' verdicts
    with their numbers, None if a gate was not asked; `source` is the published generation of the
    signal; `rows` are all rows of the order with their hashes and run ids.
    """

    client_order_id: str
    state: str
    reason: str | None
    intent: Payload
    content_hash: str
    known_at: str
    source: SignalSource | None
    decision: Payload
    cost: Payload | None
    risk: Payload | None
    fills: tuple[Payload, ...]
    conflicts: tuple[Payload, ...]
    rows: tuple[Row, ...]

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Runs that wrote about the order, in the order of their first row."""
        return tuple(dict.fromkeys(row.run_id for row in self.rows if row.run_id is not None))


def explain(journal: Journal, client_order_id: str) -> Explanation:
    """What the journal says about an order.

    Raises:
        OrderNotFoundError: if it says nothing.
    """
    rows = tuple(journal.rows(client_order_id=client_order_id))
    record = fold(row.entry for row in rows)
    if record is None:
        raise OrderNotFoundError(client_order_id)
    opening = record.opening
    return Explanation(
        client_order_id=client_order_id,
        state=record.state.value,
        reason=record.reason,
        intent=opening["intent"],
        content_hash=record.content_hash,
        known_at=opening["known_at"],
        source=_source(opening["source"]),
        decision={name: opening[name] for name in ("code", "quantity", "cost_bps", "sizing")},
        cost=opening["cost"],
        risk=opening["risk"],
        fills=tuple(record.fills.values()),
        conflicts=_conflicts(rows),
        rows=rows,
    )


def _source(told: Mapping[str, Any] | None) -> SignalSource | None:
    return None if told is None else SignalSource(**told)


def _conflicts(rows: tuple[Row, ...]) -> tuple[Payload, ...]:
    return tuple(row.entry.payload for row in rows if row.entry.kind == "CONFLICT")

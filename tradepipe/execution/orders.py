"""An order's state: a pure fold over its journal rows.

The fold keeps facts, not a state: what was sent, answered, filled, ended. The state is read off the
facts, so the order in which a venue's events arrive, and how often, does not matter.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tradepipe.execution.canonical import Payload
from tradepipe.execution.errors import IllegalTransitionError
from tradepipe.execution.journal import Entry
from tradepipe.execution.model import Order, OrderState, Side
from tradepipe.portfolio import money_text, total

VENUE_FACTS = frozenset({"ACK", "REJECTED", "UNKNOWN", "FILL", "CANCELLED"})
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """Everything the journal says about one order. `quantity` is signed; `opening` is its first row's payload."""

    client_order_id: str
    market: str
    account: str
    symbol: str
    session: dt.date
    content_hash: str
    quantity: Decimal
    opening: Payload
    denied: str | None = None
    sent: frozenset[int] = frozenset()
    deadline: str | None = None
    fills_from: str | None = None
    unknown: frozenset[int] = frozenset()
    acknowledged: bool = False
    rejected: str | None = None
    cancelled: str | None = None
    expired: str | None = None
    fills: Mapping[str, Payload] = field(default_factory=dict)
    filled: Decimal = _ZERO
    conflicts: frozenset[str] = frozenset()

    @property
    def attempts(self) -> int:
        """How often sending was begun."""
        return max(self.sent, default=0)

    @property
    def state(self) -> OrderState:
        """The state that the facts add up to; one of `tradepipe.contracts.ORDER_STATES`."""
        facts = (
            (self.denied is not None, OrderState.DENIED),
            (self.quantity != 0 and self.filled == self.quantity.copy_abs(), OrderState.FILLED),
            (self.cancelled is not None, OrderState.CANCELLED),
            (self.expired is not None, OrderState.EXPIRED),
            (self.rejected is not None, OrderState.REJECTED),
            (bool(self.fills), OrderState.PARTIAL),
            (self.acknowledged, OrderState.ACK),
            (self.attempts in self.unknown, OrderState.UNKNOWN),
            (bool(self.sent), OrderState.SENDING),
        )
        return next((state for holds, state in facts if holds), OrderState.INTENT)

    @property
    def reason(self) -> str | None:
        """Why it was denied, rejected, cancelled or expired; None otherwise."""
        state = self.state
        if state is OrderState.FILLED:
            return None
        return self.denied or self.cancelled or self.expired or self.rejected

    @property
    def open_quantity(self) -> Decimal:
        """Signed quantity that may still fill; zero in a final state."""
        if self.state.is_final:
            return _ZERO
        return total(self.quantity, Side.of(self.quantity).signed(self.filled).copy_negate())

    @property
    def order(self) -> Order:
        """The order as it goes, or went, to the venue."""
        intent = self.opening["intent"]
        return Order(
            client_order_id=self.client_order_id,
            market=self.market,
            account=self.account,
            symbol=self.symbol,
            side=Side.of(self.quantity),
            quantity=self.quantity.copy_abs(),
            lot=Decimal(self.opening["sizing"]["lot"]),
            session=self.session,
            decided_at=dt.datetime.fromisoformat(intent["decided_at"]),
            fills_from=dt.datetime.fromisoformat(self.fills_from or intent["decided_at"]),
            expires_at=dt.datetime.fromisoformat(intent["expires_at"]),
        )


def fold(entries: Iterable[Entry], record: OrderRecord | None = None) -> OrderRecord | None:
    """The record after `entries` of one order; None if there are none.

    Raises:
        IllegalTransitionError: when an entry contradicts the ones before it.
    """
    for entry in entries:
        record = advance(record, entry)
    return record


def advance(record: OrderRecord | None, entry: Entry) -> OrderRecord:
    """The record after one more entry.

    Allowed after INTENT: SENDING until the venue has answered, EXPIRED before it is sent, and after
    SENDING every venue fact that does not contradict another. A denied order knows only CONFLICT.

    Raises:
        IllegalTransitionError: naming order, kind and reason. Over-fills are such a case.
    """
    if entry.kind in {"INTENT", "DENIED"}:
        return _opened(record, entry)
    if record is None:
        raise IllegalTransitionError(str(entry.client_order_id), entry.kind, "the order was never journaled")
    obstacle = _obstacle(record, entry)
    if obstacle is not None:
        raise IllegalTransitionError(record.client_order_id, entry.kind, obstacle)
    return _FACTS[entry.kind](record, entry.payload)


def _opened(record: OrderRecord | None, entry: Entry) -> OrderRecord:
    if record is not None:
        raise IllegalTransitionError(record.client_order_id, entry.kind, "the order was journaled before")
    payload = entry.payload
    return OrderRecord(
        client_order_id=str(entry.client_order_id),
        market=entry.market,
        account=entry.account,
        symbol=payload["intent"]["symbol"],
        session=entry.session,
        content_hash=payload["content_hash"],
        quantity=Decimal(payload["quantity"]),
        opening=payload,
        denied=payload["code"] if entry.kind == "DENIED" else None,
    )


def _obstacle(record: OrderRecord, entry: Entry) -> str | None:
    kind = entry.kind
    if kind == "CONFLICT":
        return None
    if record.denied is not None:
        return "it was denied"
    answered = record.acknowledged or record.fills or record.rejected or record.cancelled or record.expired
    obstacles = (
        (kind not in _FACTS, "no order has such a row"),
        (kind in VENUE_FACTS and not record.sent, "it was never sent"),
        (kind == "SENDING" and bool(answered), f"it is {record.state}"),
        (kind in {"ACK", "FILL", "CANCELLED"} and record.rejected is not None, "the venue had rejected it"),
        (kind == "REJECTED" and bool(record.acknowledged or record.fills), "the venue had accepted it"),
    )
    return next((why for holds, why in obstacles if holds), None)


def _filled(record: OrderRecord, payload: Payload) -> OrderRecord:
    key = f"{payload['venue']}:{payload['fill_id']}"
    if key in record.fills:
        if record.fills[key] != payload:
            raise IllegalTransitionError(record.client_order_id, "FILL", f"fill {key} came again with other content")
        return record
    if payload["side"] != Side.of(record.quantity):
        raise IllegalTransitionError(record.client_order_id, "FILL", f"fill {key} is on the other side")
    filled = total(record.filled, Decimal(payload["quantity"]))
    if filled > record.quantity.copy_abs():
        why = f"{money_text(filled)} filled of {money_text(record.quantity.copy_abs())} ordered"
        raise IllegalTransitionError(record.client_order_id, "FILL", why)
    return replace(record, fills={**record.fills, key: payload}, filled=filled)


def _conflicting(record: OrderRecord, payload: Payload) -> OrderRecord:
    return replace(record, conflicts=record.conflicts | {payload["content_hash"]})


def _sending(record: OrderRecord, payload: Payload) -> OrderRecord:
    sent, fills_from = record.sent | {payload["attempt"]}, payload.get("fills_from")
    return replace(record, sent=sent, deadline=payload["deadline"], fills_from=fills_from)


def _unanswered(record: OrderRecord, payload: Payload) -> OrderRecord:
    return replace(record, unknown=record.unknown | {payload["attempt"]})


_FACTS: Mapping[str, Callable[[OrderRecord, Payload], OrderRecord]] = {
    "CONFLICT": _conflicting,
    "SENDING": _sending,
    "UNKNOWN": _unanswered,
    "ACK": lambda record, _payload: replace(record, acknowledged=True),
    "REJECTED": lambda record, payload: replace(record, rejected=payload["reason"]),
    "CANCELLED": lambda record, payload: replace(record, cancelled=payload["reason"]),
    "EXPIRED": lambda record, payload: replace(record, expired=payload["reason"]),
    "FILL": _filled,
}

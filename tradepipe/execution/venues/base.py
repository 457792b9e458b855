"""The contract between the gateway and any venue."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

import polars as pl

from tradepipe.execution.model import Fill, Order, Side


@dataclass(frozen=True, slots=True)
class Ack:
    """The venue holds the order. `duplicate`: it held it before, with the same terms."""

    venue_order_id: str
    duplicate: bool = False


DUPLICATE_ID = "duplicate_id"
"""The reason of a Reject that says: this id is taken by an order with other terms. A venue that
also refuses the same terms under the same id has to be asked which of the two it means."""


@dataclass(frozen=True, slots=True)
class Reject:
    """The venue refuses the order and will never execute it."""

    reason: str


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue knows it; `quantity` is what was ordered, positive."""

    client_order_id: str
    venue_order_id: str
    state: Literal["open", "filled", "cancelled", "expired"]
    symbol: str
    side: Side
    quantity: Decimal

    def is_of(self, order: Order) -> bool:
        """Whether it has the terms of `order`."""
        return (self.symbol, self.side, self.quantity) == (order.symbol, order.side, order.quantity)


@dataclass(frozen=True, slots=True)
class FillReport:
    """A fill, with its place in the account's sequence of reports."""

    sequence: int
    fill: Fill

    @property
    def session(self) -> dt.date:
        return self.fill.session

    @property
    def client_order_id(self) -> str:
        return self.fill.client_order_id


@dataclass(frozen=True, slots=True)
class EndReport:
    """An order that ended without, or before, being filled, with its place in the sequence."""

    sequence: int
    client_order_id: str
    session: dt.date
    at: dt.datetime
    kind: Literal["CANCELLED", "EXPIRED"]
    reason: str


Report = FillReport | EndReport


class Venue(Protocol):
    """A venue account.

    Every call may raise; an exception from `place` says nothing about whether the order was
    accepted. A venue must refuse what reaches it later than `receive_window` after it was sent:
    only then does "not found" afterwards prove that it was not accepted.
    """

    name: str
    receive_window: dt.timedelta
    """How long after sending a request can still be accepted."""
    query_pause: dt.timedelta
    """Between the two queries that must both find nothing: the venue's read-after-write lag."""

    def place(self, order: Order, deadline: dt.datetime) -> Ack | Reject:
        """Ask for `order`; only a returned value is a definite answer. To be refused after `deadline`."""
        ...

    def query(self, client_order_id: str) -> VenueOrder | None:
        """The order as the venue knows it; None if it knows none of this id."""
        ...

    def reports_since(self, sequence: int) -> Sequence[Report]:
        """Fills and ends after `sequence`, in the order of their sequence numbers."""
        ...

    def advance(self, session: dt.date, bars: pl.DataFrame, until: dt.datetime | None = None) -> int:
        """Let a session's bars (BARS columns) happen; the number of orders they filled or ended.

        `until` is the time that is reached with them (UTC), by default the newest of their opens.
        Repeating it changes nothing. A venue with a market of its own ignores it.
        """
        ...

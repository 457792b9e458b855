"""A venue that loses answers, is slow and forgets client ids as real ones do, on a clock of its own."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from tradepipe.execution.model import Order
from tradepipe.execution.venues import Ack, Reject, VenueOrder

WINDOW = dt.timedelta(seconds=5)
FAULTS = ("ok", "lost_request", "lost_answer", "late_accept", "reject")


@dataclass
class Clock:
    now: dt.datetime = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@dataclass
class HostileVenue:
    """Follows a script of faults, then behaves.

    Like Binance it accepts an id again once its order is filled, and here every order fills at
    once: the venue gives no protection against a second order. It does keep its receive window:
    what it accepts late, it accepts just before the deadline that the request carries.
    """

    clock: Clock
    faults: list[str] = field(default_factory=list)
    query_faults: list[bool] = field(default_factory=list)
    accepted: list[tuple[dt.datetime, Order]] = field(default_factory=list)
    name: str = "hostile"
    receive_window: dt.timedelta = WINDOW
    query_pause: dt.timedelta = dt.timedelta(milliseconds=250)

    def place(self, order: Order, deadline: dt.datetime) -> Ack | Reject:
        fault = self.faults.pop(0) if self.faults else "ok"
        self.clock.sleep(0.2)
        if fault == "reject":
            return Reject("insufficient_margin")
        if fault == "lost_request":
            raise ConnectionResetError("reset before it arrived")
        late = deadline - dt.timedelta(milliseconds=1)
        self.accepted.append((late if fault == "late_accept" else self.clock(), order))
        if fault != "ok":
            raise TimeoutError("no answer")
        return Ack(f"v{len(self.accepted)}")

    def query(self, client_order_id: str) -> VenueOrder | None:
        if self.query_faults and self.query_faults.pop(0):
            raise ConnectionError("503")
        for at, order in self.accepted:
            if order.client_order_id == client_order_id and at <= self.clock():
                return VenueOrder(client_order_id, "v", "filled", order.symbol, order.side, order.quantity)
        return None

    def reports_since(self, sequence: int) -> list[object]:
        del sequence
        return []

    def advance(self, session: dt.date, bars: pl.DataFrame, until: dt.datetime | None = None) -> int:
        del session, bars, until
        return 0

    def placed(self, decisions: Iterable[tuple[str, dt.datetime]]) -> list[int]:
        """How many orders each decision (symbol, decision time) got at the venue, whatever their ids."""
        counts = Counter((order.symbol, order.decided_at) for _, order in self.accepted)
        return [counts[one] for one in decisions]

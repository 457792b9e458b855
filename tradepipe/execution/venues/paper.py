"""The paper venue: a durable book of its own that fills market orders at the next bar's open.

It is outside: its database is not the journal's, and it remembers a client order id for ever. An
order fills in full at the open of the first bar of its symbol that opens at or after `fills_from`,
worsened by the slippage, and pays a fee on the filled notional. An order that has met no such bar
when `expires_at` is reached expires, whether its symbol trades on or not.
"""

import base64
import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from typing import Any, Self

import polars as pl
import sqlalchemy as sa

from tradepipe.execution.checkpoints import Checkpoint, pass_by
from tradepipe.execution.model import Fill, Order, Side
from tradepipe.execution.venues.base import DUPLICATE_ID, Ack, EndReport, FillReport, Reject, Report, VenueOrder
from tradepipe.execution.venues.tables import orders, reports
from tradepipe.portfolio import from_float, in_bps, money_text, product, to_lot, total
from tradepipe.settings.models import CostSettings
from tradepipe.store.database import migrate, open_engine, writing

VERSION_TABLE = "paper_venue_version"
_WRITE_LOCK = "tradepipe paper venue"

# Built once: building a statement costs more than running one of these.
_BY_ID = sa.select(orders).where(orders.c.client_order_id == sa.bindparam("client_id"))
_OPEN = (
    sa.select(orders)
    .where(orders.c.market == sa.bindparam("of_market"), orders.c.account == sa.bindparam("of_account"))
    .where(orders.c.state == "open")
    .order_by(orders.c.number)
)
_REPORTS = (
    sa.select(reports, orders.c.symbol, orders.c.side, orders.c.quantity)
    .join(orders, orders.c.client_order_id == reports.c.client_order_id)
    .where(reports.c.market == sa.bindparam("of_market"), reports.c.account == sa.bindparam("of_account"))
    .where(reports.c.sequence > sa.bindparam("after"))
    .order_by(reports.c.sequence)
)
_ACCEPT = sa.insert(orders)
_REPORT = sa.insert(reports)
_END = sa.update(orders).where(orders.c.number == sa.bindparam("ended")).values(state=sa.bindparam("final"))


@dataclass(frozen=True, slots=True)
class _Opening:
    """The first bar that an order can meet."""

    at: dt.datetime
    price: Decimal


class PaperVenue:
    """One account's view of the paper venue for one market; fee and slippage come from `costs`."""

    name = "paper"
    # A call runs in the caller's process and has ended when the process has: nothing is in flight.
    receive_window = dt.timedelta(0)
    query_pause = dt.timedelta(0)

    def __init__(
        self, engine: sa.Engine, *, market: str, account: str, costs: CostSettings, checkpoint: Checkpoint = pass_by
    ) -> None:
        self.engine = engine
        self._market, self._account, self._costs, self._checkpoint = market, account, costs, checkpoint
        self._of = {"of_market": market, "of_account": account}

    @classmethod
    def open(
        cls, url: str, *, market: str, account: str, costs: CostSettings, checkpoint: Checkpoint = pass_by
    ) -> Self:
        """Open the book at a database URL; create or migrate it first."""
        engine = open_engine(url, durable=True)
        revisions = resources.files("tradepipe.execution") / "migrations" / "paper_venue"
        migrate(engine, revisions, version_table=VERSION_TABLE)
        return cls(engine, market=market, account=account, costs=costs, checkpoint=checkpoint)

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()

    def place(self, order: Order, deadline: dt.datetime) -> Ack | Reject:
        """Accept `order` once; the same order again is answered as a duplicate and changes nothing."""
        del deadline  # see receive_window
        if order.quantity <= 0 or to_lot(order.quantity, order.lot) != order.quantity:
            return Reject("quantity_not_in_lots")
        with writing(self.engine, _WRITE_LOCK) as connection:
            held = connection.execute(_BY_ID, {"client_id": order.client_order_id}).first()
            if held is not None:
                return Ack(f"paper-{held.number}", duplicate=True) if _same(held, order) else Reject(DUPLICATE_ID)
            values = {
                "client_order_id": order.client_order_id,
                "market": self._market,
                "account": self._account,
                "symbol": order.symbol,
                "side": order.side.value,
                "quantity": money_text(order.quantity),
                "decided_at": order.decided_at,
                "expires_at": order.expires_at,
                "state": "open",
                "fills_from": order.fills_from,
            }
            number = connection.execute(_ACCEPT, values).inserted_primary_key
        return Ack(f"paper-{number[0] if number else ''}")

    def query(self, client_order_id: str) -> VenueOrder | None:
        """The order of this client id, whatever its state; None if there is none."""
        with self.engine.connect() as connection:
            found = connection.execute(_BY_ID, {"client_id": client_order_id}).first()
        if found is None:
            return None
        side, quantity = Side(found.side), Decimal(found.quantity)
        return VenueOrder(client_order_id, f"paper-{found.number}", found.state, found.symbol, side, quantity)

    def advance(self, session: dt.date, bars: pl.DataFrame, until: dt.datetime | None = None) -> int:
        """Fill or expire open orders against a session's bars, in one transaction.

        Args:
            session: session that the bars belong to.
            bars: columns symbol, open_time, open of the BARS contract.
            until: time reached with them (UTC), by default the newest open; orders expire by it.

        Returns:
            How many orders were filled or expired; zero when repeated.
        """
        reached = max(
            (at for at in (until, bars.get_column("open_time").max()) if isinstance(at, dt.datetime)), default=None
        )
        if reached is None or not self._open_orders(self.engine):
            return 0
        with writing(self.engine, _WRITE_LOCK) as connection:
            ended = [
                (order, opening)
                for order in self._open_orders(connection)
                if (opening := _first_opening(bars, order)) is not None or order.expires_at <= reached
            ]
            for order, opening in ended:
                connection.execute(_REPORT, {"session": session, **self._outcome(order, opening)})
                state = "expired" if opening is None else "filled"
                connection.execute(_END, {"ended": order.number, "final": state})
            self._checkpoint("venue_filling")
        if ended:
            self._checkpoint("venue_filled")
        return len(ended)

    def reports_since(self, sequence: int) -> Sequence[Report]:
        """Fills and expiries after `sequence`, oldest first."""
        with self.engine.connect() as connection:
            found = connection.execute(_REPORTS, {**self._of, "after": sequence})
            return [self._report(row) for row in found]

    def _open_orders(self, source: sa.Engine | sa.Connection) -> Sequence[sa.Row[Any]]:
        if isinstance(source, sa.Connection):
            return source.execute(_OPEN, self._of).all()
        with source.connect() as connection:
            return connection.execute(_OPEN, self._of).all()

    def _outcome(self, order: sa.Row[Any], opening: _Opening | None) -> dict[str, Any]:
        common = {"client_order_id": order.client_order_id, "market": self._market, "account": self._account}
        if opening is None:
            return {**common, "kind": "EXPIRED", "at": order.expires_at}
        quantity, worse = Decimal(order.quantity), in_bps(opening.price, self._costs.slippage_bps)
        price = total(opening.price, Side(order.side).signed(worse))
        return {
            **common,
            "at": opening.at,
            "kind": "FILL",
            "fill_id": _fill_id(order.client_order_id),
            "price": money_text(price),
            "fee": money_text(in_bps(product(quantity, price), self._costs.fee_bps)),
            "slippage": money_text(product(quantity, worse)),
        }

    def _report(self, found: sa.Row[Any]) -> Report:
        if found.kind == "EXPIRED":
            reason = "no_bar_in_time"
            return EndReport(found.sequence, found.client_order_id, found.session, found.at, "EXPIRED", reason)
        fill = Fill(
            venue=self.name,
            fill_id=found.fill_id,
            client_order_id=found.client_order_id,
            symbol=found.symbol,
            session=found.session,
            filled_at=found.at,
            side=Side(found.side),
            quantity=Decimal(found.quantity),
            price=Decimal(found.price),
            fee=Decimal(found.fee),
            slippage=Decimal(found.slippage),
        )
        return FillReport(found.sequence, fill)


def _same(held: sa.Row[Any], order: Order) -> bool:
    return (held.symbol, held.side, held.quantity, held.decided_at) == (
        order.symbol,
        order.side.value,
        money_text(order.quantity),
        order.decided_at,
    )


def _first_opening(bars: pl.DataFrame, order: sa.Row[Any]) -> _Opening | None:
    """The first bar that the order can fill at: not before `fills_from`, and before it expires."""
    # Plain columns: a frame's filter costs a hundred times more on the few rows of a session.
    times = bars.get_column("open_time")
    in_time = (times >= order.fills_from) & (times < order.expires_at)
    eligible = in_time & (bars.get_column("symbol") == order.symbol)
    if not eligible.any():
        return None
    times, opens = times.filter(eligible), bars.get_column("open").filter(eligible)
    first = times.arg_min() or 0
    return _Opening(times[first], from_float(opens[first]))


def _fill_id(client_order_id: str) -> str:
    """The same order always gets the same fill id, also after a crash and a second fill attempt."""
    digest = hashlib.sha256(f"{client_order_id}/1".encode()).digest()
    return "pf" + base64.b32encode(digest)[:26].decode().lower()

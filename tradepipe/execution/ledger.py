"""The account as the journal tells it: orders, positions, cash, marks and clock, folded row by row."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Self

from tradepipe.execution.canonical import Payload
from tradepipe.execution.journal import Entry, Journal
from tradepipe.execution.marks import ALWAYS, Close, KnownMarks
from tradepipe.execution.model import OrderState, Side
from tradepipe.execution.orders import OrderRecord, advance
from tradepipe.portfolio import ZERO, Account, total


class Ledger:
    """State of one market's account. Apply entries in journal order; nothing here writes."""

    def __init__(self, market: str, account: str) -> None:
        self.market, self.account_name = market, account
        self.initial_cash: Decimal | None = None
        self.currency: str | None = None
        self.account = Account(ZERO)
        self.orders: dict[str, OrderRecord] = {}
        self.marks: dict[str, Decimal] = {}
        """The newest close of each symbol, by which finished sessions are valued."""
        self.known = KnownMarks()
        """The closes that a decision may look at, by the time at which they became known."""
        self.clock: dt.date | None = None
        self.sequence = 0
        """The newest venue report that is in the journal."""
        # A dict keeps the order of the journal, in which recovery must go.
        self._working: dict[str, None] = {}

    @classmethod
    def load(cls, journal: Journal, market: str, account: str) -> Self:
        """The account after all of its rows; empty if it was never opened."""
        ledger = cls(market, account)
        ledger.apply_all(row.entry for row in journal.rows(market=market, account=account))
        return ledger

    def apply_all(self, entries: Iterable[Entry]) -> None:
        """Apply `entries` in order."""
        for entry in entries:
            self.apply(entry)

    def apply(self, entry: Entry) -> None:
        """Apply one entry.

        Raises:
            IllegalTransitionError: when it contradicts its order's earlier rows.
        """
        if entry.kind == "ACCOUNT":
            self.initial_cash = Decimal(entry.payload["initial_cash"])
            self.currency = entry.payload["currency"]
            self.account = Account(self.initial_cash)
        elif entry.kind == "CLOCK":
            self.clock = entry.session
            marks = {symbol: Decimal(mark) for symbol, mark in entry.payload["marks"].items()}
            self.marks.update(marks)
            self.known.add({symbol: [Close(ALWAYS, mark)] for symbol, mark in marks.items()} | _late(entry.payload))
        else:
            self._apply_to_order(entry)

    @property
    def equity(self) -> Decimal:
        """Equity at the newest marks, price currency.

        Raises:
            tradepipe.portfolio.MissingMarkError: when an open position's symbol was never marked.
        """
        return self.account.equity(self.marks)

    def working(self) -> list[OrderRecord]:
        """Orders of which the venue may still have news, oldest first."""
        return [self.orders[order] for order in self._working]

    def pending(self) -> dict[str, Decimal]:
        """Signed quantity that may still fill, per symbol."""
        result: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for record in self.working():
            result[record.symbol] = total(result[record.symbol], record.open_quantity)
        return dict(result)

    def working_symbols(self, before: dt.datetime) -> frozenset[str]:
        """Symbols with an order that was decided before a time and may still fill."""
        return frozenset(record.symbol for record in self.working() if record.order.decided_at < before)

    def _apply_to_order(self, entry: Entry) -> None:
        order = str(entry.client_order_id)
        before = self.orders.get(order)
        after = advance(before, entry)
        self.orders[order] = after
        if entry.kind == "FILL" and before is not None and after.filled != before.filled:
            payload = entry.payload
            quantity = Side(payload["side"]).signed(Decimal(payload["quantity"]))
            self.account = self.account.after(
                after.symbol, quantity, Decimal(payload["price"]), Decimal(payload["fee"])
            )
        self.sequence = max(self.sequence, entry.payload.get("sequence") or 0)
        if after.state.is_final:
            self._working.pop(order, None)
        else:
            self._working[order] = None

    def count_states(self) -> dict[OrderState, int]:
        """How many orders are in each state."""
        counts: defaultdict[OrderState, int] = defaultdict(int)
        for record in self.orders.values():
            counts[record.state] += 1
        return dict(counts)


def _late(payload: Payload) -> dict[str, list[Close]]:
    """The closes of a CLOCK row that became known after the session's last decision."""
    return {
        symbol: [Close(dt.datetime.fromisoformat(known_at), Decimal(price)) for known_at, price in closes]
        for symbol, closes in payload.get("known_later", {}).items()
    }

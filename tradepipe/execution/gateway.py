"""The gateway: the only caller of a venue's order calls, and the only writer of the journal.

Exactly once, as follows (design note of the live path, section 2):

1. INTENT with content and verdicts is committed.
2. SENDING(n) with its deadline is committed; only then the venue is called.
3. A definite answer is ACK or REJECTED; anything else, whatever it is, is UNKNOWN. Answers may wait
   for the next commit: an order whose answer a crash loses is SENDING, and is asked for again.
4. An order in any state but INTENT is queried before it is sent. Until the deadline has passed
   nothing is concluded; then found means adopt, and not found twice means that it may be sent again.
5. An order of ours that the venue holds with other terms is neither adopted nor rejected: the run
   stops, because the journal and the venue account do not belong together.

A crash at any point leaves one of these states, and `recover` goes on from it.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tradepipe.execution.checkpoints import Checkpoint, pass_by
from tradepipe.execution.decisions import Decision
from tradepipe.execution.entries import (
    answer_entry,
    decision_entry,
    expired_entry,
    report_entry,
    sending_entry,
    unknown_entry,
)
from tradepipe.execution.errors import UnknownOrderError, VenueMismatchError, VenueUnreachableError
from tradepipe.execution.journal import Entry, Journal, utc_now
from tradepipe.execution.lease import StillHeld
from tradepipe.execution.ledger import Ledger
from tradepipe.execution.model import Order, OrderState
from tradepipe.execution.orders import OrderRecord
from tradepipe.execution.venues.base import DUPLICATE_ID, Ack, Reject, Venue, VenueOrder

MAX_ROUNDS = 5
"""How often an order's fate is asked for in one run before the run gives up."""


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds one run of a gateway.

    `now` is the time at which the account trades, None in a replay of history, where an order is as
    old as its own session. `still_held` raises when the account's lease is lost. `clock` and `sleep`
    serve the fence; `checkpoint` serves crash tests.
    """

    run_id: str | None = None
    now: dt.datetime | None = None
    still_held: StillHeld = lambda: None
    checkpoint: Checkpoint = pass_by
    clock: Callable[[], dt.datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep


class Gateway:
    """Routes one account's decisions to one venue through one journal.

    Entries are applied to `ledger` at once and written in groups; everything is on disk before the
    venue hears of it.
    """

    def __init__(self, journal: Journal, ledger: Ledger, venue: Venue, context: Context) -> None:
        self.ledger, self.context = ledger, context
        self._journal, self._venue = journal, venue
        self._unwritten: list[Entry] = []

    def record(self, entries: Iterable[Entry]) -> None:
        """Apply entries now, write them with the next `flush`."""
        for entry in entries:
            self.ledger.apply(entry)
            self._unwritten.append(entry)

    @property
    def unwritten(self) -> int:
        """How many entries wait for the next `flush`."""
        return len(self._unwritten)

    def flush(self) -> None:
        """Commit what was recorded.

        Raises:
            DuplicateEntryError: when somebody else wrote for this account; nothing is then sent.
        """
        self._journal.append(self._unwritten, self.context.run_id)
        self._unwritten = []

    def submit(self, decisions: Sequence[Decision]) -> None:
        """Journal decisions and send the approved ones.

        Decisions whose ids are in the journal already must not come here: see `session.execute`.
        """
        self.record(decision_entry(decision) for decision in decisions)
        self._send([decision.intent.client_order_id for decision in decisions if decision.approved])

    def recover(self) -> int:
        """Bring every order that a crash left between INTENT and an answer to an answer.

        Returns:
            How many there were.
        """
        left = self.ledger.working()
        unsent = [record for record in left if record.state is OrderState.INTENT]
        unsure = [record for record in left if record.state in {OrderState.SENDING, OrderState.UNKNOWN}]
        for record in unsure:
            self._settle(record.client_order_id)
        void = [record for record in unsent if self._is_void(record)]
        self.record(expired_entry(record, record.order.expires_at) for record in void)
        self._send([record.client_order_id for record in unsent if record not in void])
        self.flush()
        return len(unsent) + len(unsure)

    def collect(self, session: dt.date) -> int:
        """Record what the venue reported for sessions up to `session`; the number of new reports.

        Later reports wait for their own session: after a crash the venue may be ahead of the
        account, and an account must not know the future.

        Raises:
            UnknownOrderError: for an order that the journal does not hold.
        """
        count = 0
        for report in self._venue.reports_since(self.ledger.sequence):
            if report.session > session:
                break
            record = self.ledger.orders.get(report.client_order_id)
            if record is None:
                raise UnknownOrderError(report.client_order_id)
            self.record([report_entry(record, report)])
            count += 1
        return count

    def _send(self, orders: Sequence[str]) -> None:
        if not orders:
            return
        self.context.checkpoint("intent_recorded")
        self.flush()
        self.context.checkpoint("intent_committed")
        self._begin_sending(orders)
        for order in orders:
            if not self._attempt(order):
                self._settle(order)
        self.context.checkpoint("answers_recorded")

    def _begin_sending(self, orders: Sequence[str]) -> None:
        deadline = self.context.clock() + self._venue.receive_window
        records = [self.ledger.orders[order] for order in orders]
        now = self.context.now
        self.record(sending_entry(record, record.attempts + 1, deadline, now) for record in records)
        self.flush()
        self.context.checkpoint("sending_committed")

    def _attempt(self, order: str) -> bool:
        """Call the venue once, for an order whose SENDING is committed; False if the answer is UNKNOWN."""
        record = self.ledger.orders[order]
        deadline = _deadline(record)
        self.context.still_held()
        try:
            self._refuse_late_sending(deadline)
            answer = self._venue.place(record.order, deadline)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the order may be at the venue
            self.record([unknown_entry(record, error)])
            self.flush()
            return False
        self.context.checkpoint("venue_answered")
        if isinstance(answer, Reject) and answer.reason == DUPLICATE_ID:
            raise VenueMismatchError(order, _terms(record.order), "an order with other terms")
        self.record([answer_entry(record, answer)])
        return True

    def _refuse_late_sending(self, deadline: dt.datetime) -> None:
        if self._venue.receive_window and self.context.clock() >= deadline:
            raise TimeoutError("the deadline passed before the order was sent")

    def _settle(self, order: str) -> None:
        """Learn what became of an order that may be at the venue; send it again only if it is not."""
        for _ in range(MAX_ROUNDS):
            record = self.ledger.orders[order]
            self._wait_for(_deadline(record))
            try:
                found = self._find(order)
            except Exception:  # noqa: BLE001 - no answer to a query tells nothing about the order
                self.context.sleep(self._venue.query_pause.total_seconds())
                continue
            if found is not None:
                if not found.is_of(record.order):
                    raise VenueMismatchError(order, _terms(record.order), _terms(found))
                self.record([answer_entry(record, Ack(found.venue_order_id), adopted=True)])
                self.flush()
                return
            if self._is_void(record):
                self.record([expired_entry(record, record.order.expires_at)])
                self.flush()
                return
            self._begin_sending([order])
            if self._attempt(order):
                self.flush()
                return
        raise VenueUnreachableError(order, MAX_ROUNDS)

    def _find(self, order: str) -> VenueOrder | None:
        found = self._venue.query(order)
        if found is None and self._venue.query_pause:
            self.context.sleep(self._venue.query_pause.total_seconds())
            found = self._venue.query(order)
        return found

    def _wait_for(self, deadline: dt.datetime) -> None:
        remaining = (deadline - self.context.clock()).total_seconds()
        if remaining > 0:
            self.context.sleep(remaining)

    def _is_void(self, record: OrderRecord) -> bool:
        return self.context.now is not None and self.context.now >= record.order.expires_at


def _terms(order: Order | VenueOrder) -> str:
    return f"{order.side} {order.quantity:f} {order.symbol}"


def _deadline(record: OrderRecord) -> dt.datetime:
    return dt.datetime.fromisoformat(str(record.deadline))

"""The journal's row kinds: how each is keyed and what its payload holds.

ACCOUNT opens an account. INTENT or DENIED opens an order, with the verdicts. CONFLICT, SENDING,
ACK, REJECTED, UNKNOWN, FILL, CANCELLED and EXPIRED tell what became of it. CLOCK says that the
account has finished a session.
"""

import datetime as dt
from decimal import Decimal

from tradepipe.execution.canonical import Payload, instant, told
from tradepipe.execution.decisions import Decision
from tradepipe.execution.journal import Entry
from tradepipe.execution.ledger import Ledger
from tradepipe.execution.marks import Closes, known_later
from tradepipe.execution.model import Intent
from tradepipe.execution.orders import OrderRecord
from tradepipe.execution.venues.base import Ack, FillReport, Reject, Report
from tradepipe.portfolio import money_text


def account_entry(market: str, account: str, session: dt.date, initial_cash: Decimal, currency: str) -> Entry:
    """An account's first row; `session` is the first one that it trades in."""
    payload = {"initial_cash": money_text(initial_cash), "currency": currency}
    return Entry("ACCOUNT", f"account/{market}/{account}", market, account, session, payload)


def clock_entry(ledger: Ledger, session: dt.date, closes: Closes, decided_at: dt.datetime | None) -> Entry:
    """The account has finished `session`, whose last decision was at `decided_at`.

    `marks` are the session's closes, by which the account is valued; `known_later` tells of those
    that no decision of the session could know, when they became known.

    Raises:
        tradepipe.portfolio.MissingMarkError: when an open position cannot be valued.
    """
    late = known_later(closes, decided_at)
    payload = {
        "marks": {symbol: money_text(some[-1].price) for symbol, some in sorted(closes.items())},
        "known_later": {
            symbol: [[instant(close.known_at), money_text(close.price)] for close in some]
            for symbol, some in sorted(late.items())
        },
        "equity": money_text(ledger.equity),
        "cash": money_text(ledger.account.cash),
    }
    market, account = ledger.market, ledger.account_name
    return Entry("CLOCK", f"clock/{market}/{account}/{session}", market, account, session, payload)


def decision_entry(decision: Decision) -> Entry:
    """INTENT when approved, else DENIED: under one key, so that an id opens only once."""
    intent = decision.intent
    return Entry(
        "INTENT" if decision.approved else "DENIED",
        f"intent/{intent.client_order_id}",
        intent.market,
        intent.account,
        intent.session,
        decision.payload(),
        intent.client_order_id,
    )


def conflict_entry(intent: Intent) -> Entry:
    """The same id came with other content; it is kept once for each such content."""
    source = told(intent.source) if intent.source else None
    payload = {"content_hash": intent.content_hash, "intent": intent.content, "source": source}
    order = intent.client_order_id
    key = f"conflict/{order}/{intent.content_hash}"
    return Entry("CONFLICT", key, intent.market, intent.account, intent.session, payload, order)


def sending_entry(record: OrderRecord, attempt: int, deadline: dt.datetime, now: dt.datetime | None) -> Entry:
    """Sending is about to begin; after `deadline` the venue accepts this attempt no more.

    The order may not fill before `now`, the time at which the account trades; None in a replay.
    """
    decided_at = record.order.decided_at
    fills_from = decided_at if now is None else max(decided_at, now)
    payload = {"attempt": attempt, "deadline": instant(deadline), "fills_from": instant(fills_from)}
    return _of_order(record, "SENDING", f"/{attempt}", payload)


def unknown_entry(record: OrderRecord, error: Exception) -> Entry:
    """The newest attempt ended without a definite answer."""
    payload = {"attempt": record.attempts, "error": f"{type(error).__name__}: {error}"}
    return _of_order(record, "UNKNOWN", f"/{record.attempts}", payload)


def answer_entry(record: OrderRecord, answer: Ack | Reject, *, adopted: bool = False) -> Entry:
    """The venue's definite answer; `adopted` when it was learned by a query."""
    if isinstance(answer, Reject):
        return _of_order(record, "REJECTED", "", {"attempt": record.attempts, "reason": answer.reason})
    payload = {
        "attempt": record.attempts,
        "venue_order_id": answer.venue_order_id,
        "duplicate": answer.duplicate,
        "adopted": adopted,
    }
    return _of_order(record, "ACK", "", payload)


def expired_entry(record: OrderRecord, at: dt.datetime) -> Entry:
    """An order that was proved not to be at the venue and is too old to be sent."""
    return _of_order(record, "EXPIRED", "", {"reason": "expired_unsent", "at": instant(at), "sequence": None})


def report_entry(record: OrderRecord, report: Report) -> Entry:
    """What the venue reported: a FILL, or how the order ended without one. Of the report's session."""
    if isinstance(report, FillReport):
        fill = report.fill
        payload = {**told(fill), "side": fill.side.value, "sequence": report.sequence}
        key = f"fill/{fill.venue}/{fill.fill_id}"
        return Entry("FILL", key, record.market, record.account, fill.session, payload, record.client_order_id)
    payload = {"reason": report.reason, "at": instant(report.at), "sequence": report.sequence}
    return _of_order(record, report.kind, "", payload, report.session)


def _of_order(record: OrderRecord, kind: str, suffix: str, payload: Payload, session: dt.date | None = None) -> Entry:
    order = record.client_order_id
    key = f"{kind.lower()}/{order}{suffix}"
    return Entry(kind, key, record.market, record.account, session or record.session, payload, order)

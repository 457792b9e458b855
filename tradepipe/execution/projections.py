"""The journal as frames: orders, fills and positions of any span of sessions.

Pure functions of a `History`. No run id and no wall time goes in, so the same trading always gives
the same rows.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import polars as pl

from tradepipe.contracts import FILLS, ORDERS, POSITIONS, Contract
from tradepipe.execution.errors import SignalInputError
from tradepipe.execution.journal import Entry, Journal
from tradepipe.execution.ledger import Ledger
from tradepipe.execution.model import Side
from tradepipe.execution.orders import OrderRecord, fold
from tradepipe.portfolio import Account

Span = tuple[dt.date, dt.date]
"""First and last session of a partition, both inclusive."""


@dataclass(frozen=True)
class History:
    """All entries of one market's account, in journal order."""

    market: str
    account: str
    entries: tuple[Entry, ...]

    @classmethod
    def load(cls, journal: Journal, market: str, account: str) -> "History":
        """Read the account's rows once, for all three frames."""
        return cls(market, account, tuple(row.entry for row in journal.rows(market=market, account=account)))


def orders_frame(history: History, spans: Iterable[Span]) -> pl.DataFrame:
    """ORDERS of the decisions in `spans`, each as it stood at its own span's last session.

    What happens later belongs to later partitions, so a partition's rows do not change when the
    account trades on. A conflict is of the session of its intent and does change it.
    """
    by_order: dict[str, list[Entry]] = {}
    for entry in history.entries:
        if entry.client_order_id is not None:
            by_order.setdefault(entry.client_order_id, []).append(entry)
    ends = _Ends(spans)
    rows = []
    for entries in by_order.values():
        end = ends.of(entries[0].session)
        if end is not None:
            record = fold(entry for entry in entries if entry.session <= end)
            rows.extend([_order_row(record)] if record is not None else [])
    return _frame(rows, ORDERS)


def fills_frame(history: History, spans: Iterable[Span]) -> pl.DataFrame:
    """FILLS whose own session lies in `spans`."""
    ends = _Ends(spans)
    fills = [entry for entry in history.entries if entry.kind == "FILL" and ends.of(entry.session) is not None]
    return _frame([_fill_row(entry) for entry in fills], FILLS)


def positions_frame(history: History, spans: Iterable[Span]) -> pl.DataFrame:
    """POSITIONS of every session in `spans` that the account has finished, and every symbol marked so far.

    Marks are the closes that the CLOCK rows hold: the account as it was valued then, which bars
    restated later do not change. A symbol without a bar in a session is marked at its last close
    before; before its first bar it has no row.

    Raises:
        tradepipe.portfolio.MissingMarkError: if an open position's symbol has no mark.
    """
    ends, ledger = _Ends(spans), Ledger(history.market, history.account)
    finished = {entry.session for entry in history.entries if entry.kind == "CLOCK"}
    rows: list[dict[str, Any]] = []
    for session, entries in sorted(_by_session(history.entries).items()):
        ledger.apply_all(entries)
        if session in finished and ends.of(session) is not None:
            rows.extend(_position_rows(session, ledger.account, ledger.marks))
    return _frame(rows, POSITIONS)


class _Ends:
    """Which span a session lies in, told by the span's last session."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted(spans)
        for (first, last), (following, _) in pairwise(self._spans):
            if following <= last:
                raise SignalInputError(f"spans overlap: {first} to {last}, and one from {following}")
        self._firsts = [first for first, _ in self._spans]

    def of(self, session: dt.date) -> dt.date | None:
        number = bisect_right(self._firsts, session) - 1
        return self._spans[number][1] if number >= 0 and session <= self._spans[number][1] else None


def _frame(rows: Sequence[Mapping[str, Any]], contract: Contract) -> pl.DataFrame:
    columns = {
        column.name: pl.Series(column.name, [row[column.name] for row in rows], dtype=column.dtype)
        for column in contract.columns
    }
    return contract.arrange(pl.DataFrame(columns))


def _order_row(record: OrderRecord) -> dict[str, Any]:
    opening = record.opening
    intent = opening["intent"]
    return {
        "symbol": record.symbol,
        "session": record.session,
        "decided_at": dt.datetime.fromisoformat(intent["decided_at"]),
        "strategy": intent["strategy"],
        "client_order_id": record.client_order_id,
        "state": record.state.value,
        "reason": record.reason,
        "side": Side.of(record.quantity).value if record.quantity else None,
        "quantity": record.quantity.copy_abs(),
        "reference_price": Decimal(intent["reference_price"]),
        "target_weight": float(intent["target_weight"]),
        "edge_bps": float(intent["edge_bps"]),
        "cost_bps": float(opening["cost_bps"]),
        "conflict": bool(record.conflicts),
        "signal_sha256": record.content_hash,
    }


def _fill_row(entry: Entry) -> dict[str, Any]:
    payload = entry.payload
    money = {name: Decimal(payload[name]) for name in ("quantity", "price", "fee", "slippage")}
    return {
        "symbol": payload["symbol"],
        "session": entry.session,
        "filled_at": dt.datetime.fromisoformat(payload["filled_at"]),
        "fill_id": payload["fill_id"],
        "client_order_id": entry.client_order_id,
        "side": payload["side"],
        **money,
    }


def _position_rows(session: dt.date, account: Account, marks: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    equity = account.equity(marks)
    rows = []
    for symbol in sorted(marks):
        position, mark = account.position(symbol), marks[symbol]
        rows.append(
            {
                "symbol": symbol,
                "session": session,
                "quantity": position.quantity,
                "mark_price": mark,
                "exposure": position.exposure(mark),
                "average_price": position.average_price,
                "realised_pnl": position.realised_pnl,
                "unrealised_pnl": position.unrealised_pnl(mark),
                "fees": position.fees,
                "cash": account.cash,
                "equity": equity,
            }
        )
    return rows


def _by_session(entries: Iterable[Entry]) -> dict[dt.date, list[Entry]]:
    result: dict[dt.date, list[Entry]] = {}
    for entry in entries:
        result.setdefault(entry.session, []).append(entry)
    return result

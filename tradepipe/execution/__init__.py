"""Execution: intents become journaled orders, at most once each, and fills become positions."""

from tradepipe.execution.explain import Explanation, OrderNotFoundError, explain
from tradepipe.execution.journal import Head, Journal, Verification
from tradepipe.execution.model import Fill, Intent, Order, OrderState, Side, SignalSource
from tradepipe.execution.projections import History, fills_frame, orders_frame, positions_frame
from tradepipe.execution.session import ExecutionReport, execute

__all__ = [
    "ExecutionReport",
    "Explanation",
    "Fill",
    "Head",
    "History",
    "Intent",
    "Journal",
    "Order",
    "OrderNotFoundError",
    "OrderState",
    "Side",
    "SignalSource",
    "Verification",
    "execute",
    "explain",
    "fills_frame",
    "orders_frame",
    "positions_frame",
]

"""Execution: intents become journaled orders, at most once each, and fills become positions."""

from tradepipe.execution.journal import Head, Journal, Verification
from tradepipe.execution.model import Fill, Intent, Order, OrderState, Side, SignalSource
from tradepipe.execution.session import ExecutionReport, execute

__all__ = [
    "ExecutionReport",
    "Fill",
    "Head",
    "Intent",
    "Journal",
    "Order",
    "OrderState",
    "Side",
    "SignalSource",
    "Verification",
    "execute",
]

"""Signals: what a strategy wants to hold, given the forecasts."""

from tradepipe.signals.membership import within_membership
from tradepipe.signals.signals import compute_signals
from tradepipe.signals.strategies import UnknownStrategyError, strategy_names

__all__ = ["UnknownStrategyError", "compute_signals", "strategy_names", "within_membership"]

"""Signals: what a strategy wants to hold, given the forecasts."""

from tradepipe.signals.signals import compute_signals
from tradepipe.signals.strategies import UnknownStrategyError, strategy_names

__all__ = ["UnknownStrategyError", "compute_signals", "strategy_names"]

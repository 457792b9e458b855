"""Strategies: one module each, named as the configuration names it.

A strategy's module defines

    def want(forecasts: pl.DataFrame, strategy: StrategySettings) -> pl.DataFrame

which gets the forecasts of the strategy's model and horizon (FORECASTS columns, one row per symbol
and origin) and returns them with two more columns: `score` (Float64, how strong the case is) and
`target_weight` (Float64, exposure wanted, fraction of equity). It reads one row at a time, so that
it cannot look ahead. Adding a strategy is adding a module here; nothing else changes.
"""

import importlib
import pkgutil
from collections.abc import Callable
from typing import cast

import polars as pl

from tradepipe.settings.models import StrategySettings

Strategy = Callable[[pl.DataFrame, StrategySettings], pl.DataFrame]


class UnknownStrategyError(ValueError):
    """The configuration names a strategy that does not exist."""


def strategy_names() -> tuple[str, ...]:
    """Names of all strategies, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def strategy_named(name: str) -> Strategy:
    """The strategy called `name`.

    Raises:
        UnknownStrategyError: naming those that exist.
    """
    if name not in strategy_names():
        raise UnknownStrategyError(
            f"strategy.name: there is no strategy {name!r}; there is {', '.join(strategy_names())}"
        )
    return cast("Strategy", importlib.import_module(f"{__name__}.{name}").want)

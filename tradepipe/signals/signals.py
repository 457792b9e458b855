"""Intents from forecasts: one per symbol and moment at which origins became known."""

import datetime as dt

import polars as pl

from tradepipe.contracts import FORECASTS, SIGNALS
from tradepipe.contracts.forecasts import STANDS_IN
from tradepipe.settings.models import StrategySettings
from tradepipe.signals.strategies import strategy_named


def compute_signals(forecasts: pl.DataFrame, strategy: StrategySettings) -> pl.DataFrame:
    """What `strategy` wants at each origin with a forecast of its model and horizon.

    edge_bps is the return that the position itself expects over the horizon, so it is positive
    for a short position on a falling forecast, and 0 without a position. A baseline that stands
    in for the model (engine baseline, and `fallback` says why) is no reason to trade: its weight
    and edge are 0, which asks for no position. A model that its second engine computed is itself.
    Of bars of a symbol that became known at one moment, as when they are delivered late together, only
    the newest is decided on.

    Args:
        forecasts: FORECASTS columns, any models and horizons; further columns are ignored, except
            `partition`, which is kept.
        strategy: which strategy, model and horizon, and its limits.

    Returns:
        SIGNALS columns, sorted by the key; preceded by `partition`, and sorted by that first, if
        the forecasts have it. decided_at and known_at are the origin bar's known_at in UTC.

    Raises:
        ValueError: a column is missing, no forecast is of the strategy's model, or time_to_live is zero.
        UnknownStrategyError: no such strategy.
    """
    want = strategy_named(strategy.name)
    missing = [column for column in FORECASTS.column_names if column not in forecasts.columns]
    if missing:
        raise ValueError(f"forecasts lacks column {', '.join(missing)}; it has {', '.join(forecasts.columns)}")
    models = forecasts.get_column("model").unique().sort()
    if len(models) and strategy.model not in models:
        raise ValueError(f"strategy.model: there is no model {strategy.model!r}; there is {', '.join(models)}")
    if strategy.time_to_live <= dt.timedelta(0):
        raise ValueError("strategy.time_to_live must be longer than zero: an intent must outlive its decision")
    partition = ["partition"] if "partition" in forecasts.columns else []
    chosen = forecasts.filter(pl.col("model") == strategy.model, pl.col("horizon") == strategy.horizon)
    weight = pl.when(STANDS_IN).then(0.0).otherwise(pl.col("target_weight"))
    newest = chosen.sort("open_time").unique([*partition, "symbol", "known_at"], keep="last", maintain_order=True)
    return (
        want(newest, strategy)
        .with_columns(target_weight=weight + 0.0)  # -0.0 becomes 0.0
        .with_columns(
            decided_at=pl.col("known_at"),
            strategy=pl.lit(strategy.name),
            edge_bps=pl.when(pl.col("target_weight") == 0)
            .then(0.0)
            .otherwise(1e4 * pl.col("mean_return") * pl.col("target_weight").sign()),
            volatility_bps=1e4 * pl.col("volatility"),
            reference_price=pl.col("origin_price"),
            expires_at=pl.col("known_at") + pl.lit(strategy.time_to_live),
        )
        .select(*partition, *SIGNALS.column_names)
        .sort(*partition, *SIGNALS.key)
    )

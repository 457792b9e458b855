"""Exposure in proportion to the expected return over its volatility, up to a limit."""

import polars as pl

from tradepipe.settings.models import StrategySettings


def want(forecasts: pl.DataFrame, strategy: StrategySettings) -> pl.DataFrame:
    """Add `score`, expected return over volatility, and `target_weight`.

    The weight is max_weight times score / full_score, held within [-1, 1], or [0, 1] without
    short positions.
    """
    score = pl.col("mean_return") / pl.col("volatility")
    exposure = (score / strategy.full_score).clip(-1.0 if strategy.allow_short else 0.0, 1.0)
    return forecasts.with_columns(score=score, target_weight=strategy.max_weight * exposure)

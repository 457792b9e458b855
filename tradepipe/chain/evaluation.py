"""Judging a market's forecasts: what only the chain knows beside them, its strategy and its sectors."""

import polars as pl

from tradepipe.chain.features import spells_of
from tradepipe.contracts.forecasts import STANDS_IN
from tradepipe.forecasting.evaluation import Weigher, by_origin, judged, loss_series, score_forecasts, statistics
from tradepipe.forecasting.regimes import regime_bars
from tradepipe.markets import Market
from tradepipe.settings.forecasts import ForecastSettings
from tradepipe.signals.strategies import strategy_named

LOSSES = "losses"
"""What is published beside evaluations: the loss series that tests of any range need."""

ORIGINS = "origins"
"""And the sums by the partition that the forecasts were made in, which model versions are judged by."""


def scoring_lookback(market: Market) -> int:
    """Sessions of bars that the training windows of the forecasts of a partition's targets reach back."""
    from tradepipe.forecasting.refits.schedule import SESSIONS_BACK  # noqa: PLC0415 - numpy

    told: ForecastSettings = market.settings.forecasts
    return market.lookback_sessions(told.train_bars + told.horizon + 1) + SESSIONS_BACK[told.refit]


def scoring_settings(market: Market) -> tuple[object, ...]:
    """What decides the scores of given forecasts."""
    told = market.settings
    return (told.forecasts.horizon, told.forecasts.train_bars, told.strategy, spells_of(market))


def regimes_lookback(market: Market) -> int:
    """Sessions of bars before a partition that its regimes are made of."""
    return market.lookback_sessions(regime_bars(market.settings.forecasts.regimes))


def sectors_of(market: Market) -> dict[str, str | None]:
    """Symbol to sector, as the universe has them."""
    return {one.symbol: one.sector for one in market.universe.instruments}


def scores_of(market: Market, forecasts: pl.DataFrame, bars: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """FORECAST_SCORES of the targets in `windows`, with what the market's strategy would have earned on each model."""
    train_bars = market.settings.forecasts.train_bars
    return score_forecasts(forecasts, bars, windows, train_bars=train_bars, weigh=weigher(market))


def weigher(market: Market) -> Weigher:
    """What the market's strategy would hold, were each model the one it acts on.

    It looks at forecasts of its horizon. A baseline that stands in for a model, and a symbol that is no
    member of the universe on the day, are no reason to hold anything, as in `tradepipe.signals`.
    """
    told, universe = market.settings.strategy, market.universe
    want = strategy_named(told.name)

    def weigh(forecasts: pl.DataFrame) -> pl.DataFrame:
        rows = want(forecasts.filter(pl.col("horizon") == told.horizon), told)
        held = universe.is_member(rows) & ~STANDS_IN
        return rows.with_columns(target_weight=pl.when(held).then("target_weight").otherwise(0.0))

    return weigh


def evaluations_of(
    market: Market, scores: pl.DataFrame, regimes: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """EVALUATIONS, EVALUATION_LOSSES and EVALUATION_ORIGINS of `scores`, each row with its `partition`.

    Raises:
        LeakError: a model was trained on the session that it is judged on.
    """
    key_of = market.partitions.key_expr
    placed = scores.with_columns(partition=key_of("target_session"), made_in=key_of("session"))
    rows = judged(placed, regimes, sectors_of(market))
    return statistics(rows), loss_series(rows), by_origin(rows)

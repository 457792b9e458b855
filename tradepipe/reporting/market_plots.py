"""The plots that an asset shows in its metadata: the first symbol of the market, as Markdown."""

from collections.abc import Sequence

import polars as pl

from tradepipe.reporting import evaluation_plots, plots, trading_plots
from tradepipe.reporting.rendering import to_markdown
from tradepipe.settings.models import MarketSettings


def bars(told: MarketSettings, frame: pl.DataFrame) -> dict[str, str]:
    """Close and volume (BARS contract)."""
    return {
        "close and volume": to_markdown(plots.price_and_volume(frame, symbol=_first(frame), currency=told.currency))
    }


def indicators(told: MarketSettings, frame: pl.DataFrame, values: pl.DataFrame) -> dict[str, str]:
    """Close with bands and averages (BARS contract, indicators contract)."""
    figure = plots.indicator_panel(frame, values, symbol=_first(frame), currency=told.currency)
    return {"indicators": to_markdown(figure)}


def forecasts(told: MarketSettings, frame: pl.DataFrame, made: pl.DataFrame) -> dict[str, str]:
    """Close, forecast and interval (BARS contract, FORECASTS contract)."""
    figure = plots.price_with_forecasts(
        frame,
        made,
        symbol=_first(frame),
        model=told.strategy.model,
        horizon=told.strategy.horizon,
        currency=told.currency,
    )
    return {"forecasts": to_markdown(figure)}


def scores(told: MarketSettings, frame: pl.DataFrame) -> dict[str, str]:
    """Skill against the random walk over time (FORECAST_SCORES contract)."""
    figure = plots.forecast_skill(frame, model=told.strategy.model, horizon=told.strategy.horizon)
    return {"skill": to_markdown(figure)}


def evaluations(told: MarketSettings, table: pl.DataFrame, sums: pl.DataFrame) -> dict[str, str]:
    """Metrics, coverage, skill and weights (`evaluate` by nothing, EVALUATIONS contract)."""
    horizon = told.strategy.horizon
    return {
        "metrics": evaluation_plots.metrics(table),
        "coverage": to_markdown(evaluation_plots.coverage(table, horizon=horizon)),
        "skill over time": to_markdown(evaluation_plots.skill(sums, horizon=horizon)),
        "weights": to_markdown(evaluation_plots.weights(sums, horizon=horizon)),
    }


def members(made_by: pl.DataFrame) -> dict[str, str]:
    """Who fitted what (model, engine, fallback, trigger and the count of fits)."""
    return {"members": evaluation_plots.members(made_by)}


def versions(active: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Which versions of models are active: regime and version, in the order of the places."""
    return {"active": evaluation_plots.active(active)}


def regimes(made: pl.DataFrame) -> dict[str, str]:
    """Share of symbols in each state over time (REGIMES contract)."""
    return {"regimes": to_markdown(evaluation_plots.regimes(made))}


def positions(told: MarketSettings, frame: pl.DataFrame, held: pl.DataFrame) -> dict[str, str]:
    """Equity and drawdown (POSITIONS contract, BARS contract)."""
    return {
        "equity": to_markdown(trading_plots.equity_curve(frame, held, currency=told.currency)),
        "drawdown": to_markdown(trading_plots.drawdown(frame, held)),
    }


def _first(frame: pl.DataFrame) -> str:
    return str(frame["symbol"].min() or "")

"""Plots of the data layers: contract frames in, matplotlib figures out.

Every function is pure and draws at most 2,000 points a line. A frame without rows gives a figure
with a sentence instead. Render with `tradepipe.reporting.rendering`. The plots of trading results
are in `tradepipe.reporting.trading_plots`.
"""

from typing import TYPE_CHECKING

import polars as pl

from tradepipe.reporting.drawing import (
    BLUE,
    GREEN,
    HEIGHT,
    INK,
    MAX_POINTS,
    QUIET,
    STROKES,
    Stroke,
    band,
    date_axis,
    legend,
    line,
    name_axes,
    new_figure,
    number_axis,
    sentence_figure,
)
from tradepipe.reporting.performance import closes_by_session
from tradepipe.reporting.wording import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SESSIONS = 250
_RSI_LEVELS = (30.0, 70.0)


def price_with_forecasts(  # noqa: PLR0913 - what to show is named, not guessed
    bars: pl.DataFrame,
    forecasts: pl.DataFrame,
    *,
    symbol: str,
    model: str,
    horizon: int,
    currency: str,
    sessions: int = SESSIONS,
) -> "Figure":
    """Close of the last `sessions` sessions, and the forecasts made `horizon` bars before.

    Each forecast is drawn at the session it was made for, so the line and the band stand where the
    close should come; the last ones lie beyond the last close. Of a session's intraday forecasts
    the one of its last bar is drawn, whose close is the session's.

    Args:
        bars: BARS contract.
        forecasts: FORECASTS contract.
        symbol: the symbol to show.
        model: the model whose forecasts to show.
        horizon: bars ahead.
        currency: unit of the price axis.
        sessions: sessions of closes shown.
    """
    title = f"{symbol}: close and what {model} forecast {plural(horizon, 'bar')} before"
    closes = closes_by_session(bars.filter(pl.col("symbol") == symbol)).tail(sessions)
    if closes.is_empty():
        return sentence_figure(title, f"No bars of {symbol} yet.")
    made = (
        forecasts.filter(
            pl.col("symbol") == symbol,
            pl.col("model") == model,
            pl.col("horizon") == horizon,
            pl.col("target_session") >= closes.item(0, "session"),
        )
        .sort("target_open_time")
        .unique("target_session", keep="last", maintain_order=True)
    )
    figure, (axes,) = new_figure(title if made.height else f"{symbol}: close (no forecasts of {model} yet)")
    if made.height:
        band(axes, made.select("target_session", "price_lower_95", "price_upper_95"), BLUE, "95 % interval")
        line(axes, made.select("target_session", "price"), Stroke(BLUE, (0, (4, 1.5))), "forecast median")
    line(axes, closes.select("session", "close"), Stroke(INK, width=1.3), "close")
    legend(axes)
    name_axes(axes, y=f"price, {currency}")
    number_axis(axes)
    date_axis(axes)
    return figure


def price_and_volume(bars: pl.DataFrame, *, symbol: str, currency: str) -> "Figure":
    """Close and volume of one symbol over all its bars (BARS contract)."""
    own = bars.filter(pl.col("symbol") == symbol).sort("open_time")
    if own.is_empty():
        return sentence_figure(f"{symbol}: close and volume", f"No bars of {symbol} yet.")
    interval = own.item(0, "interval")
    figure, (price, volume) = new_figure(f"{symbol}: close and volume of {plural(own.height, 'bar')}", (3, 1))
    line(price, own.select("open_time", "close"), Stroke(INK, width=1.0), "close")
    name_axes(price, y=f"price, {currency}")
    number_axis(price)
    # Volume is summed to at most 400 columns; a finer picture shows no more.
    together = -(-own.height // _VOLUME_COLUMNS)
    stretch = pl.int_range(pl.len()) // together
    mean = own.group_by(stretch, maintain_order=True).agg(pl.col("open_time").first(), pl.col("volume").mean())
    edges = mean["open_time"].cast(pl.Datetime("us")).to_numpy()
    volume.fill_between(edges, mean["volume"].to_numpy(), step="post", color=QUIET, linewidth=0)
    volume.set_ylim(bottom=0)
    every = f"each bar of {interval}" if together == 1 else f"mean of {together} bars of {interval}"
    name_axes(volume, y="volume")
    number_axis(volume)
    date_axis(volume, f"start of bar, UTC (volume: {every})")
    return figure


_VOLUME_COLUMNS = 400


def indicator_panel(
    bars: pl.DataFrame, indicators: pl.DataFrame, *, symbol: str, currency: str, sessions: int = SESSIONS
) -> "Figure":
    """Close with its Bollinger band and moving averages, the RSI below, over the last `sessions` sessions.

    Shows what the frame has: the first Bollinger band, up to two moving averages and the first RSI.

    Args:
        bars: BARS contract.
        indicators: indicators contract of whatever indicators are configured.
        symbol: the symbol to show.
        currency: unit of the price axis.
        sessions: sessions shown, at most as many as 2,000 bars hold.
    """
    title = f"{symbol}: close and indicators"
    own = (
        bars.filter(pl.col("symbol") == symbol)
        .select("symbol", "session", "open_time", "close")
        .join(indicators.drop("session", "close_time", "known_at"), on=["symbol", "open_time"])
        .sort("open_time")
        .filter(pl.col("session").is_in(pl.col("session").unique().sort().tail(sessions).implode()))
        .tail(MAX_POINTS)
    )
    if own.is_empty():
        return sentence_figure(title, f"No indicators of {symbol} yet.")
    rsi = next((name for name in own.columns if name.startswith("rsi_")), None)
    heights, tall = ((2.2, 1.0), HEIGHT * 1.25) if rsi else ((1.0,), HEIGHT)
    figure, panels = new_figure(title, heights, height=tall)
    _price_indicators(panels[0], own, currency)
    if rsi:
        _rsi(panels[1], own, rsi)
    date_axis(panels[-1], "start of bar, UTC")
    return figure


def _price_indicators(axes: "Axes", own: pl.DataFrame, currency: str) -> None:
    averages = [name for name in own.columns if name.startswith(("sma_", "ema_"))][:2]
    bands = [
        name.removesuffix("_lower") for name in own.columns if name.startswith("bollinger_") and name.endswith("_lower")
    ]
    for label in bands[:1]:
        band(axes, own.select("open_time", f"{label}_lower", f"{label}_upper"), BLUE, label)
    line(axes, own.select("open_time", "close"), Stroke(INK, width=1.3), "close")
    for name, stroke in zip(averages, STROKES[1:], strict=False):
        line(axes, own.select("open_time", name), stroke, name)
    legend(axes)
    name_axes(axes, y=f"price, {currency}")
    number_axis(axes)


def _rsi(axes: "Axes", own: pl.DataFrame, name: str) -> None:
    line(axes, own.select("open_time", name), Stroke(GREEN, width=1.0), name)
    for level in _RSI_LEVELS:
        axes.axhline(level, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 100)
    axes.set_yticks([0, *_RSI_LEVELS, 100])
    axes.grid(visible=False)
    name_axes(axes, y=f"{name}\n0 to 100")


def rows_per_partition(rows: pl.DataFrame, *, dataset: str) -> "Figure":
    """How many rows each partition holds.

    Args:
        rows: columns partition (String, in order) and rows (integer).
        dataset: name for the title.
    """
    title = f"{dataset}: rows in each of {plural(rows.height, 'partition')}"
    if rows.is_empty():
        return sentence_figure(f"{dataset}: rows in each partition", f"No partition of {dataset} is published yet.")
    ordered = rows.sort("partition")
    figure, (axes,) = new_figure(title, height=HEIGHT * 0.75)
    heights = ordered["rows"].cast(pl.Float64).to_numpy()
    axes.stairs(heights, range(ordered.height + 1), baseline=0, fill=True, color=BLUE)
    shown = min(ordered.height, _PARTITIONS_NAMED)
    places = [place * (ordered.height - 1) // max(shown - 1, 1) for place in range(shown)]
    axes.set_xticks([place + 0.5 for place in places], [ordered.item(place, "partition") for place in places])
    axes.set_ylim(bottom=0, top=max(float(heights.max()) * 1.05, 1.0))
    name_axes(axes, y="rows", x="partition")
    number_axis(axes)
    return figure


_PARTITIONS_NAMED = 8


def forecast_skill(
    scores: pl.DataFrame, *, model: str, horizon: int, baseline: str = "random_walk", window: int = SESSIONS
) -> "Figure":
    """Root mean square error of `model` over that of `baseline`, over the last `window` sessions at each session.

    Below one the model was better. Up to four symbols get a line each; more are pooled into one.

    Args:
        scores: FORECAST_SCORES contract.
        model: the model to judge.
        horizon: bars ahead.
        baseline: the model to compare with.
        window: sessions in the rolling window; the first ratio comes when it is full.
    """
    title = f"{model}: forecast error against the {baseline.replace('_', ' ')}, {plural(horizon, 'bar')} ahead"
    ratios = skill_ratios(scores, model=model, horizon=horizon, baseline=baseline, window=window)
    if ratios.is_empty():
        return sentence_figure(
            title, f"Fewer than {plural(window, 'session')} of both models' forecasts have met their target yet."
        )
    figure, (axes,) = new_figure(title)
    axes.axhline(1.0, color=QUIET, linewidth=1.0)
    for (name, own), stroke in zip(ratios.group_by("symbol", maintain_order=True), STROKES, strict=False):
        line(axes, own.select("target_session", "rmse_ratio"), stroke, str(name[0]))
    legend(axes)
    name_axes(axes, y=f"ratio of RMSE, {window} sessions\n(below 1: {model} better)")
    axes.ticklabel_format(axis="y", useOffset=False)
    date_axis(axes, "target session")
    return figure


def skill_ratios(
    scores: pl.DataFrame, *, model: str, horizon: int, baseline: str = "random_walk", window: int = SESSIONS
) -> pl.DataFrame:
    """Rolling ratio of the two models' root mean square errors: columns symbol, target_session, rmse_ratio.

    Only target bars that both models forecast count; a session's intraday errors are summed. With
    more than four symbols the errors are pooled under the name "all symbols".
    """
    key = ("symbol", "target_session")
    target = (*key, "target_open_time")
    error = scores.filter(pl.col("horizon") == horizon).select(*target, "model", "squared_error")
    own = error.filter(pl.col("model") == model).drop("model")
    both = own.join(
        error.filter(pl.col("model") == baseline).drop("model"), on=target, suffix="_baseline", maintain_order="left"
    )
    if both["symbol"].n_unique() > len(STROKES):
        both = both.with_columns(symbol=pl.lit("all symbols"))
    rolling = pl.col("squared_error", "squared_error_baseline").rolling_sum(window).over("symbol")
    sums = both.group_by(key).agg(pl.col("squared_error", "squared_error_baseline").sum()).sort(key)
    ratio = (pl.col("squared_error") / pl.col("squared_error_baseline")).sqrt()
    return sums.with_columns(rolling).select(*key, rmse_ratio=ratio).filter(pl.col("rmse_ratio").is_finite())

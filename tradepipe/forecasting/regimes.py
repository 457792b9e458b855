"""Regimes: how volatile a symbol is for its own past, and where its price went. From the past alone."""

import numpy as np
import polars as pl

from tradepipe.contracts.evaluation import REGIMES, TREND_STATES, UNKNOWN, VOLATILITY_STATES
from tradepipe.forecasting.frames import require_columns, require_unique
from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray
from tradepipe.settings.forecasts import RegimeSettings

TREND_LIMIT = 0.5
"""Standard deviations of a driftless walk within which a trend is flat: about two fifths of a walk's bars."""

_THIRD = 1 / 3
_COLUMNS = ["symbol", "session", "open_time", "known_at", "close"]


def regime_bars(settings: RegimeSettings) -> int:
    """Bars before a bar, and itself, that its regime is made of."""
    return max(settings.history_bars + settings.volatility_bars, settings.trend_bars + 1)


def compute_regimes(bars: pl.DataFrame, windows: pl.DataFrame, settings: RegimeSettings) -> pl.DataFrame:
    """The regime at each bar's close of the wanted sessions.

    Volatility is the root mean square of the newest `volatility_bars` log returns, and calm, normal or
    wild by the third that it takes among the newest `history_bars` such values, its own included (ties
    count half). Trend is the log return of the newest `trend_bars` bars over its standard deviation
    under a driftless walk, the square root of the sum of their squared returns; flat within half of it.
    Both words, or `unknown` where fewer than half of `history_bars` values are there, a return is
    missing, or a price is not positive.

    A partition is computed from its own anchored window: bars before its anchor session change nothing.

    Args:
        bars: symbol, session, open_time, known_at (UTC), close; each bar once, in any order.
        windows: partition, anchor_session, first_session, last_session, not overlapping.
        settings: how many bars of the past are looked at.

    Returns:
        REGIMES columns plus `partition`, sorted by partition and then by the key.

    Raises:
        ValueError: a column is missing, or `bars` has a symbol's open_time twice.
    """
    require_columns(bars, "bars", _COLUMNS)
    require_columns(windows, "windows", ["partition", "anchor_session", "first_session", "last_session"])
    require_unique(bars, "bars", ["symbol", "open_time"])
    rows = _placed(bars, windows)
    close, past, wanted = (rows[name].to_numpy() for name in ("close", "past", "wanted"))
    price: FloatArray = np.where(close > 0, close, np.nan)
    levels = np.log(price)
    squares = (levels - _back(levels, 1)) ** 2
    squares[rows["place"].to_numpy() == 0] = np.nan
    volatility = np.sqrt(_window_sum(squares, settings.volatility_bars) / settings.volatility_bars)
    moved = levels - _back(levels, settings.trend_bars)
    chance = np.sqrt(_window_sum(squares, settings.trend_bars))
    trend = np.divide(moved, chance, out=np.zeros_like(moved), where=chance > 0)
    trend[np.isnan(moved + chance) | (past < settings.trend_bars)] = np.nan
    rank = _rank(volatility, past - settings.volatility_bars, wanted, settings.history_bars)
    (calm, normal, wild), (down, flat, up) = map(pl.lit, VOLATILITY_STATES), map(pl.lit, TREND_STATES)
    told = rows.with_columns(
        volatility=pl.Series(np.where(past < settings.volatility_bars, np.nan, volatility)).fill_nan(None),
        trend=pl.Series(trend).fill_nan(None),
        rank=pl.Series(rank).fill_nan(None),
    ).filter("wanted")
    third = pl.when(pl.col("rank") < _THIRD).then(calm).when(pl.col("rank") > 2 * _THIRD).then(wild).otherwise(normal)
    way = pl.when(pl.col("trend") < -TREND_LIMIT).then(down).when(pl.col("trend") > TREND_LIMIT).then(up)
    known = pl.col("rank").is_not_null() & pl.col("trend").is_not_null()
    return (
        told.with_columns(
            volatility_state=pl.when(known).then(third).otherwise(pl.lit(UNKNOWN)),
            trend_state=pl.when(known).then(way.otherwise(flat)).otherwise(pl.lit(UNKNOWN)),
        )
        .with_columns(
            regime=pl.when(known).then(pl.format("{} {}", "volatility_state", "trend_state")).otherwise(pl.lit(UNKNOWN))
        )
        .select("partition", *[pl.col(name).cast(dtype) for name, dtype in REGIMES.polars_schema.items()])
        .sort("partition", *REGIMES.key)
    )


def _placed(bars: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Bars by symbol and time: partition, whether they are wanted, and how many bars of their window lie before."""
    spans = windows.select("partition", "anchor_session", "first_session", "last_session").sort("first_session")
    rows = (
        bars.select(_COLUMNS)
        .sort("session")
        .join_asof(spans, left_on="session", right_on="first_session")
        .with_columns(wanted=(pl.col("session") <= pl.col("last_session")).fill_null(value=False))
        .sort("symbol", "open_time")
        .with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64).over("symbol"))
    )
    starts = rows.filter(pl.col("wanted")).select("symbol", "partition", "anchor_session").unique()
    starts = starts.sort("anchor_session").join_asof(
        rows.select("symbol", "session", start="place").unique(["symbol", "session"], keep="first").sort("session"),
        left_on="anchor_session",
        right_on="session",
        by="symbol",
        strategy="forward",
        check_sortedness=False,
    )
    return rows.join(
        starts.select("symbol", "partition", "start"), on=["symbol", "partition"], how="left", maintain_order="left"
    ).with_columns(past=(pl.col("place") - pl.col("start")).fill_null(-1))


def _back(values: FloatArray, bars: int) -> FloatArray:
    """Each value's forerunner `bars` rows before; NaN where there is none."""
    found = np.full_like(values, np.nan)
    found[bars:] = values[: max(len(values) - bars, 0)]
    return found


def _window_sum(values: FloatArray, bars: int) -> FloatArray:
    """Sum of the newest `bars` values, added in one order, so that it is the same wherever the series starts."""
    total = values.copy()
    for back in range(1, bars):
        total += _back(values, back)
    return total


def _rank(values: FloatArray, past: IntArray, wanted: BoolArray, bars: int) -> FloatArray:
    """Share of the newest `bars` values that a value exceeds, ties half; NaN with fewer than half of them.

    Args:
        values: by symbol and time.
        past: how many values of its own window lie before each; negative: its own is none.
        wanted: rows that are asked for.
        bars: its own value included.
    """
    asked = np.flatnonzero(wanted & (past >= 0) & np.isfinite(values))
    own, reach = values[asked], past[asked]
    below, count = np.full(len(asked), 0.5), np.ones(len(asked))
    for back in range(1, bars):
        inside = reach >= back
        other = values[np.where(inside, asked - back, asked)]
        below += inside * ((other < own) + 0.5 * (other == own))
        count += inside & np.isfinite(other)
    found = np.full(len(values), np.nan)
    found[asked] = np.where(count >= bars / 2, below / count, np.nan)
    return found

"""Shared words of the readable specifications: polars expressions over one series in time order."""

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

NEGLIGIBLE_WEIGHT = 1e-12


def log_return(close: pl.Expr) -> pl.Expr:
    """ln(close / close before), through log1p so that one tick at a high price keeps all its digits."""
    return log_ratio(close, close.shift(1))


def log_ratio(value: pl.Expr, base: pl.Expr) -> pl.Expr:
    """ln(value / base), likewise; null unless both are positive. Of a crash log1p would lose digits."""
    change = (value - base) / base
    return pl.when((value > 0) & (base > 0)).then(
        pl.when(change > -0.5).then(change.log1p()).otherwise((value / base).log())
    )


def rogers_satchell_term_of() -> pl.Expr:
    """Variance within each bar, whatever its drift (Rogers & Satchell 1991)."""
    open_, high, low, close = (pl.col(name) for name in ("open", "high", "low", "close"))
    return log_ratio(high, close) * log_ratio(high, open_) + log_ratio(low, close) * log_ratio(low, open_)


def seeded_average(values: pl.Expr, period: int, weight: float, seed_row: int) -> pl.Expr:
    """Recursive average: null before `seed_row`, there the mean of the last `period` values, then ewm."""
    row = pl.int_range(pl.len())
    seeded = pl.when(row == seed_row).then(values.rolling_mean(period)).when(row > seed_row).then(values)
    return seeded.ewm_mean(alpha=weight, adjust=False)


def wilder_average(values: pl.Expr, period: int) -> pl.Expr:
    """Wilder's average of values that begin with the second row, weight 1 / period."""
    return seeded_average(values, period, 1 / period, seed_row=period)


def place_in_range(close: pl.Expr, high: pl.Expr, low: pl.Expr, period: int) -> pl.Expr:
    """Where the close lies between lowest low (0) and highest high (1) of the window; null when they are equal."""
    highest, lowest = high.rolling_max(period), low.rolling_min(period)
    return pl.when(highest > lowest).then((close - lowest) / (highest - lowest))


def typical_price() -> pl.Expr:
    """The mean of high, low and close."""
    return (pl.col("high") + pl.col("low") + pl.col("close")) / 3


def true_range() -> pl.Expr:
    """The widest of high - low, |high - close before| and |low - close before|; high - low in the first row."""
    high, low, before = pl.col("high"), pl.col("low"), pl.col("close").shift(1)
    return pl.max_horizontal(high - low, (high - before).abs(), (low - before).abs())


def money_flow() -> pl.Expr:
    """Volume times the close's place in its bar, -1 at the low to 1 at the high; 0 for a bar without a range."""
    high, low, close = pl.col("high"), pl.col("low"), pl.col("close")
    place = pl.when(high > low).then(((close - low) - (high - close)) / (high - low)).otherwise(0)
    return place * pl.col("volume")


def window_sum(values: pl.Expr, period: int) -> pl.Expr:
    """Sum of the last values, each window added anew, so that zeros give zero; null when one of them is."""
    return over_windows(lambda windows: windows.sum(axis=1), values, period=period)


def seeded_lookback(seed_row: int, weight: float, negligible: float = NEGLIGIBLE_WEIGHT) -> int:
    """Bars until a recursive average has forgotten its seed: its weight (1 - weight)^n is below 1e-12."""
    return seed_row + math.ceil(math.log(negligible) / math.log(1 - weight))


def in_units(*columns: Sequence[float]) -> list[list[int]]:
    """The columns, as decimals of 15 significant digits, in whole numbers of the last place that any of them has."""
    decimals = [[Decimal(f"{value:.15g}") for value in column] for column in columns]
    places = max((-int(price.as_tuple().exponent) for column in decimals for price in column), default=0)
    return [[int(price.scaleb(places)) for price in column] for column in decimals]


def over_windows(function: Callable[..., NDArray[np.float64]], *columns: pl.Expr, period: int) -> pl.Expr:
    """`function` of each full window of the last `period` values of some columns, null before.

    It takes an array [windows, period] a column, oldest value first, and gives one number a window.
    """

    def values(series: pl.Series) -> pl.Series:
        fields = [series.struct.field(name).cast(pl.Float64).to_numpy() for name in series.struct.fields]
        result = np.full(len(series), np.nan)
        if len(series) >= period:
            with np.errstate(divide="ignore", invalid="ignore"):
                result[period - 1 :] = function(*(np.lib.stride_tricks.sliding_window_view(f, period) for f in fields))
        return pl.Series(result)

    named = (column.alias(str(place)) for place, column in enumerate(columns))
    return pl.struct(*named).map_batches(values, return_dtype=pl.Float64)


def weighted_mean(values: pl.Expr, period: int) -> pl.Expr:
    """Mean of the last `period` values with weights 1 (oldest) to `period` (newest)."""
    weights = np.arange(1, period + 1) / (period * (period + 1) / 2)
    return over_windows(lambda windows: windows @ weights, values, period=period)


def deviations(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value of each window minus the window's mean, exactly 0 in a flat window whatever its price."""
    # Relative to the newest value first: a mean of prices would be rounded to the digits of a price.
    moved: NDArray[np.float64] = windows - windows[:, -1:]
    away: NDArray[np.float64] = moved - moved.mean(axis=1, keepdims=True)
    return away


def zscores(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The newest value's distance from each window's mean, in sample standard deviations; NaN in a flat window."""
    away = deviations(windows)
    spread: NDArray[np.float64] = np.sqrt((away**2).sum(axis=1) / (windows.shape[1] - 1))
    return away[:, -1] / spread


def loop_of(function: Callable[..., Iterable[Sequence[float]]], *columns: str, outputs: int) -> tuple[pl.Expr, ...]:
    """The specification of what depends on its own path: a plain Python loop over the rows.

    `function` takes a list of floats for each column and gives one sequence of `outputs` numbers a row,
    NaN where there is no value.
    """

    def values(series: pl.Series, output: int) -> pl.Series:
        fields = (series.struct.field(name).cast(pl.Float64).to_list() for name in columns)
        rows = np.array(list(function(*fields)), np.float64).reshape(-1, outputs)
        return pl.Series(rows[:, output], dtype=pl.Float64)

    def column(output: int) -> pl.Expr:
        return pl.struct(*columns).map_batches(lambda series: values(series, output), return_dtype=pl.Float64)

    return tuple(column(output) for output in range(outputs))

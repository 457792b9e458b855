"""Shared words of the readable specifications: polars expressions over one series in time order."""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import polars as pl

NEGLIGIBLE_WEIGHT = 1e-12


def log_return(close: pl.Expr) -> pl.Expr:
    """ln(close / close before), through log1p so that one tick at a high price keeps all its digits."""
    before = close.shift(1)
    return ((close - before) / before).log1p()


def seeded_average(values: pl.Expr, period: int, weight: float, seed_row: int) -> pl.Expr:
    """Recursive average: null before `seed_row`, there the mean of the last `period` values, then ewm."""
    row = pl.int_range(pl.len())
    seeded = pl.when(row == seed_row).then(values.rolling_mean(period)).when(row > seed_row).then(values)
    return seeded.ewm_mean(alpha=weight, adjust=False)


def wilder_average(values: pl.Expr, period: int) -> pl.Expr:
    """Wilder's average of values that begin with the second row, weight 1 / period."""
    return seeded_average(values, period, 1 / period, seed_row=period)


def seeded_lookback(seed_row: int, weight: float) -> int:
    """Bars until a recursive average has forgotten its seed: its weight (1 - weight)^n is below 1e-12."""
    return seed_row + math.ceil(math.log(NEGLIGIBLE_WEIGHT) / math.log(1 - weight))


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

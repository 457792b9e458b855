"""Metrics of short intervals as metrics of longer ones."""

import datetime as dt
from collections.abc import Mapping
from typing import Literal

import polars as pl

How = Literal["first", "max", "min", "last", "sum", "mean"]

FUNDING_RULES: Mapping[str, How] = {"rate": "sum"}
MARK_PRICE_RULES: Mapping[str, How] = {"open": "first", "high": "max", "low": "min", "close": "last"}


def aggregate(
    frame: pl.DataFrame, time: str, every: dt.timedelta, to: dt.timedelta, rules: Mapping[str, How]
) -> pl.DataFrame:
    """Rows of intervals of `every` as rows of intervals of `to`, which start at multiples of `to` since 1970, UTC.

    Args:
        frame: `symbol`, `time` (start of the interval, UTC) and the columns of `rules`; any order; a
            row an interval. Nulls are left out; the first and the last are those that are there.
        time: name of the column with the interval's start.
        every: length of the intervals of `frame`.
        to: length of the longer ones, a multiple of `every`.
        rules: column -> how its values become one: a level (open interest) by `last`, a flow (volume,
            the funding paid) by `sum`, prices as for bars.

    Returns:
        `symbol`, `time`, the columns of `rules`, `rows` (how many there were) and `complete` (whether
        none was missing: the last interval, still going on, is not). Sorted by symbol and time.

    Raises:
        ValueError: `to` is no multiple of `every`.
    """
    if to % every:
        raise ValueError(f"{to} is no multiple of {every}")
    window = pl.col(time).dt.truncate(to)
    grouped = frame.sort("symbol", time).group_by("symbol", window.alias(time), maintain_order=True)
    columns = [_one(pl.col(name).drop_nulls(), how).alias(name) for name, how in rules.items()]
    return grouped.agg(*columns, rows=pl.len().cast(pl.Int64)).with_columns(complete=pl.col("rows") == to // every)


def _one(values: pl.Expr, how: How) -> pl.Expr:
    ways = {
        "first": values.first(),
        "last": values.last(),
        "max": values.max(),
        "min": values.min(),
        "mean": values.mean(),
        # The sum of nothing is not zero, it is unknown.
        "sum": pl.when(values.len() > 0).then(values.sum()),
    }
    return ways[how]

"""Raw bars of made-up series: a symbol's closes on the sessions of a market, one change at a time."""

import datetime as dt

import numpy as np
import polars as pl

from tests.markets.building import build_market
from tradepipe.contracts import RAW_BARS

START, END = dt.date(2018, 1, 2), dt.date(2018, 12, 31)


def market_of(*symbols, **changes):
    return build_market(symbols=list(symbols), start=START, end=END, **changes)


def walk(seed, n, start=100.0, volatility=0.01):
    return start * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, volatility, n)))


def series(market, symbol, closes, *, file=None, volumes=None):
    """RAW_BARS rows and partition: one bar a close on the market's first bars."""
    grid = market.calendar.grid(START, END, market.settings.interval).head(len(closes))
    close = np.asarray(closes, float)
    volume = np.random.default_rng(sum(symbol.encode())).uniform(900, 1100, len(closes)).round()
    return grid.with_columns(
        pl.lit(symbol).alias("symbol"),
        pl.lit(market.settings.interval).alias("interval"),
        pl.Series("close", close),
        pl.Series("open", close),
        pl.Series("high", close * 1.001),
        pl.Series("low", close * 0.999),
        pl.Series("volume", volume if volumes is None else volumes, dtype=pl.Float64),
        (pl.col("close_time") + dt.timedelta(minutes=30)).alias("known_at"),
        pl.lit(None, pl.Datetime("us", "UTC")).alias("delivered_at"),
        pl.lit(None, pl.Float64).alias("adjusted_close"),
        pl.lit(file or f"{symbol}.csv").alias("file"),
        pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias("line"),
        pl.lit("0" * 64).alias("file_sha256"),
        market.partitions.key_expr().alias("partition"),
    ).select(*RAW_BARS.column_names, "partition")


def changed(raw, at, **values):
    """`raw` with other values at its rows `at`."""
    rows = pl.int_range(pl.len()).is_in(list(at))
    return raw.with_columns(
        pl.when(rows).then(value if isinstance(value, pl.Expr) else pl.lit(value)).otherwise(name).alias(name)
        for name, value in values.items()
    )


def scaled(raw, at, factor):
    return changed(raw, at, **{name: pl.col(name) * factor for name in ("open", "high", "low", "close")})

"""Bars for tests of what is computed from bars, and the shared data beside the checkout."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

from tradepipe.contracts import BARS, UTC
from tradepipe.markets import calendar_for

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def on_grid(code, first, last, interval, symbols=("A",), seed=1):
    """A bar of each symbol wherever the calendar expects one, sorted by symbol and time."""
    grid = calendar_for(code).grid(first, last, interval)
    rows = pl.DataFrame({"symbol": list(symbols)}).join(grid, how="cross", maintain_order="left_right")
    rng = np.random.default_rng(seed)
    opened, close = (np.round(rng.uniform(50, 150, rows.height), 2) for _ in range(2))
    return BARS.arrange(
        rows.with_columns(
            interval=pl.lit(interval),
            open=pl.Series(opened, dtype=pl.Float64),
            high=pl.Series(np.maximum(opened, close) + 1, dtype=pl.Float64),
            low=pl.Series(np.minimum(opened, close) - 1, dtype=pl.Float64),
            close=pl.Series(close, dtype=pl.Float64),
            volume=pl.Series(rng.uniform(0, 1e4, rows.height), dtype=pl.Float64),
            quality=pl.Series(rng.choice(["ok", "ok", "zero_volume", "spike"], rows.height), dtype=pl.String),
            known_at=pl.col("close_time") + dt.timedelta(seconds=30),
        )
    )


def vendor_bars(path, symbol, interval):
    """Bars of a feather file of the shared data: columns date, open, high, low, close, volume; UTC days."""
    length = {"1m": 60, "5m": 300, "1h": 3600, "1d": 86_400}[interval]
    opened = pl.col("date").cast(UTC)
    return BARS.arrange(
        pl.read_ipc(path).select(
            pl.lit(symbol).alias("symbol"),
            pl.lit(interval).alias("interval"),
            opened.dt.date().alias("session"),
            opened.alias("open_time"),
            (opened + dt.timedelta(seconds=length)).alias("close_time"),
            *(pl.col(name).cast(pl.Float64) for name in ("open", "high", "low", "close", "volume")),
            pl.lit("ok").alias("quality"),
            (opened + dt.timedelta(seconds=length)).alias("known_at"),
        )
    )

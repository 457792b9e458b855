"""Longer intervals from minute bars, against polars' `group_by_dynamic` once an interval.

The peer makes open, high, low, close and volume of each interval from the minute bars; ours makes
known_at, quality, counts and partial marks besides. Both get the same frame, sorted by session, symbol
and time as the store reads it (the peer by symbol and time, as it must have it), and take turns.
"""

import datetime as dt
import statistics
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from tradepipe.bars import resample
from tradepipe.contracts import BARS
from tradepipe.markets import calendar_for

INTERVALS = ("5m", "15m", "1h", "4h", "1d")
SYMBOLS = 400
FIRST = dt.date(2024, 1, 1)
TARGET = 10.0  # million rows a CPU second

Figure = dict[str, float | str]


def minutes(symbols: int, sessions: int) -> pl.DataFrame:
    """Random-walk minute bars of UTC days, sorted by session, symbol and time."""
    grid = calendar_for("24/7").grid(FIRST, FIRST + dt.timedelta(days=sessions - 1), "1m")
    names = pl.DataFrame({"symbol": [f"S{number:04d}" for number in range(symbols)]})
    rows = names.join(grid, how="cross").sort("session", "symbol", "open_time")
    rng = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-4, rows.height)))
    return BARS.arrange(
        rows.with_columns(
            interval=pl.lit("1m"),
            open=pl.Series(close * 0.9999),
            high=pl.Series(close * 1.0002),
            low=pl.Series(close * 0.9998),
            close=pl.Series(close),
            volume=pl.Series(rng.integers(1, 10_000, rows.height).astype(float)),
            quality=pl.lit("ok"),
            known_at="close_time",
        )
    ).sort("session", "symbol", "open_time")


def by_polars(bars: pl.DataFrame) -> list[pl.DataFrame]:
    """The same intervals by polars alone."""
    return [
        bars.group_by_dynamic("open_time", every=interval, group_by="symbol").agg(
            pl.first("open"), pl.max("high"), pl.min("low"), pl.last("close"), pl.sum("volume")
        )
        for interval in INTERVALS
    ]


def measure(*, quick: bool) -> dict[str, Figure]:
    """Million minute bars a CPU second, for five intervals at once."""
    calendar = calendar_for("24/7")
    bars = minutes(40 if quick else SYMBOLS, 2 if quick else 3)
    by_symbol = bars.sort("symbol", "open_time")
    ours, theirs = [], []
    for _ in range(3 if quick else 5):
        ours.append(_cpu(lambda: resample(bars, calendar, INTERVALS)))
        theirs.append(_cpu(lambda: by_polars(by_symbol)))
    mine, peer = (bars.height / 1e6 / statistics.median(spent) for spent in (ours, theirs))
    figure: Figure = {
        "measured": round(mine, 2),
        "target": TARGET,
        "unit": "M rows/CPU-s",
        "peer": f"polars group_by_dynamic, five times: {peer:.2f}",
        "better": "higher",
    }
    return {"resample_five_intervals": figure}


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started

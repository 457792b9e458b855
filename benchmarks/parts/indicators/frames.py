"""The bundle from a frame of bars to a frame of features, against the same around a TA-Lib loop.

Ours does what the asset asks of it: rows of the partition's window, checks of repeated bars and of numbers that
are none, Float32 and nulls. The peer sorts, loops over the symbols, and makes the same columns of
Float32 and null without any check.
"""

import datetime as dt
import itertools
import statistics
from collections.abc import Callable

import numpy as np
import polars as pl

from benchmarks.common.bars import Bars, Figure, paired, ratio_of, stocks
from benchmarks.parts.indicators.bundle import BUNDLE, bundle_peers
from tradepipe.indicators import compute_indicators, parse_indicator

TARGET = 1.0
_KEY = ("symbol", "session", "open_time", "close_time", "known_at")
_EVER = dt.date(1900, 1, 1), dt.date(1900, 1, 1), dt.date(2999, 12, 31)


def frame_of(bars: Bars) -> pl.DataFrame:
    """The bars as the store has them: by session, then symbol."""
    lengths = np.diff(bars.offsets)
    day = np.concatenate([np.arange(15_000, 15_000 + length, dtype=np.int32) for length in lengths])
    names = pl.Series([f"S{number:04d}" for number in range(bars.symbols)]).gather(
        np.repeat(np.arange(bars.symbols, dtype=np.uint32), lengths)
    )
    close = pl.col("session").cast(pl.Datetime("us", "UTC")) + pl.duration(hours=21)
    return (
        pl.DataFrame({"symbol": names, **bars.arrays, "session": pl.Series(day).cast(pl.Date)})
        .with_columns(open_time=close - pl.duration(hours=6), close_time=close, known_at=close)
        .sort("session", "symbol")
    )


def windows_of() -> pl.DataFrame:
    """One partition that holds everything."""
    return pl.DataFrame(
        [("all", *_EVER)], schema=["partition", "anchor_session", "first_session", "last_session"], orient="row"
    )


def by_talib(frame: pl.DataFrame, run: Callable[[dict[str, np.ndarray]], list[np.ndarray]]) -> pl.DataFrame:
    """Keys and 36 columns of Float32, null where TA-Lib gives NaN."""
    rows = frame.sort("symbol", "open_time")
    arrays = {name: rows[name].to_numpy() for name in ("open", "high", "low", "close", "volume", "benchmark")}
    columns = run(arrays)
    return rows.select(_KEY).with_columns(
        pl.Series(f"{place}", values.astype(np.float32)).fill_nan(None) for place, values in enumerate(columns)
    )


def measure(*, quick: bool) -> dict[str, Figure]:
    """How many times less CPU time than the peer."""
    bars = stocks().first(120 if quick else 300)
    frame = frame_of(bars)
    windows = windows_of()
    bounds = [parse_indicator(text) for text in BUNDLE]
    peer, offsets = bundle_peers(), bars.offsets.tolist()

    def run(arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        columns: list[np.ndarray] = []
        for start, stop in itertools.pairwise(offsets):
            found = peer({name: array[start:stop] for name, array in arrays.items()})
            columns = columns or [np.empty(offsets[-1]) for _ in found]
            for column, values in zip(columns, found, strict=True):
                column[start:stop] = values
        return columns

    ours, theirs = paired(
        lambda: compute_indicators(frame, windows, bounds), lambda: by_talib(frame, run), rounds=3 if quick else 9
    )
    rates = [bars.rows / 1e6 / statistics.median(spent) for spent in (ours, theirs)]
    print(f"frame to frame, {bars.rows} rows: {rates[0]:.2f} Mrow/CPU-s, around TA-Lib {rates[1]:.2f}")
    figure: Figure = {
        "measured": round(ratio_of(theirs, ours), 2),
        "target": TARGET,
        "unit": "x",
        "peer": f"TA-Lib loop between frames, without checks, {bars.name}",
        "better": "higher",
    }
    return {"bundle_frames_against_talib": figure}

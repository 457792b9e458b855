"""Longer intervals from base bars, in one pass, on the calendar's own grid.

A longer bar is laid like the base bars: from the session's open, and again from the end of its lunch
break, so it never crosses a session, a break or a clock change, and the last of each part may be
shorter. Intervals nest on that grid, so each is made from the next shorter one of `1m 5m 15m 1h 4h
1d`, also where that one was not asked for. The same base bars so give the same longer bars to the
last bit, whichever intervals are asked for together.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.contracts import QUALITY_CODES, RESAMPLED_BARS, UTC
from tradepipe.markets import CalendarError, SessionCalendar, interval_length

INTERVALS: Final = ("1m", "5m", "15m", "1h", "4h", "1d")

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]


def resample(bars: pl.DataFrame, calendar: SessionCalendar, intervals: Sequence[str]) -> pl.DataFrame:
    """Bars of `intervals` from `bars`, each bar from its own session's bars alone.

    open and close are those of the first and last part, high and low the extremes, volume the sum,
    known_at the latest, quality the most serious. `bars` counts the parts and `expected_bars` those
    that the calendar expects; `is_partial` says that no part reaches the bar's end. Without any
    part there is no bar.

    Args:
        bars: the BARS columns, all of one interval, on the grid of `calendar`, each bar once, in any
            order (sorted by symbol and time within a session costs least). The result of an earlier
            call with one interval will do; `bars` then counts its rows, and a bar that ends with a
            partial one is partial.
        calendar: whose sessions the bars lie in.
        intervals: of `1m 5m 15m 1h 4h 1d`, longer than that of `bars`; in any order.

    Returns:
        RESAMPLED_BARS, sorted by interval (as a word), symbol and open time.

    Raises:
        CalendarError: an interval is unknown or not longer than that of the bars, or the bars are of
            several intervals.
    """
    base = _base(bars, intervals)
    if bars.is_empty() or not intervals:
        return RESAMPLED_BARS.empty()
    ordered, starts = _in_runs(bars)
    runs = _runs(ordered, starts, calendar, base)
    level, made = _level(ordered, runs), {}
    for interval in INTERVALS[INTERVALS.index(base) + 1 :]:
        level = _coarser(level, runs, interval)
        if interval in intervals:
            made[interval] = _frame(level, ordered, runs, interval)
            if len(made) == len(set(intervals)):
                break
    return pl.concat([made[interval] for interval in sorted(made)])


@dataclass(frozen=True)
class _Runs:
    """The rows of one symbol and session that follow each other: where they start, and their session."""

    starts: Int64s
    rank: Int64s
    """Place of each run among them all by symbol and session."""
    opens: Int64s
    closes: Int64s
    breaks: tuple[Int64s, Int64s] | None
    """Start and end of each session's lunch break; of a session without one, its own close."""
    expected: Int64s
    """Base bars of the whole session."""
    step: int | None
    """Length of a base bar in microseconds; None where the base bar is the session."""


@dataclass(frozen=True)
class _Level:
    """Bars of one interval as arrays, in the order of the runs. Times are microseconds."""

    starts: Int64s
    """Index of the first bar of each run."""
    row: Int64s
    """The first base row in each bar, whose symbol and session are the bar's."""
    part_start: Int64s
    part_stop: Int64s
    open_time: Int64s
    close_time: Int64s
    reached: Int64s
    """Close of the last base bar in it; its own open where that one is partial."""
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    known_at: Int64s
    quality: NDArray[np.uint8]
    count: Int64s


def _base(bars: pl.DataFrame, intervals: Sequence[str]) -> str:
    """The one interval of `bars`, shorter than each of `intervals`."""
    told = bars.get_column("interval")
    base = str(told[0]) if len(told) else INTERVALS[0]
    if not (told == base).all():
        raise CalendarError(f"bars of one interval are expected, found {', '.join(told.unique().sort())}")
    for interval in (base, *intervals):
        interval_length(interval)  # says what is known where the word is not
    short = [one for one in intervals if INTERVALS.index(one) <= INTERVALS.index(base)]
    if short and len(told):
        raise CalendarError(f"intervals must be longer than the bars' own {base}; found {', '.join(short)}")
    return base


def _in_runs(bars: pl.DataFrame) -> tuple[pl.DataFrame, Int64s]:
    """`bars` in an order in which each symbol's session is one run, ascending in time; where the runs start."""
    start = _changes(bars)
    open_time = _micros(bars, "open_time")
    ascending = open_time[1:] > open_time[:-1]
    ascending[start[1:] - 1] = True
    if ascending.all() and not bars.select("symbol", "session")[start].is_duplicated().any():
        return bars, start
    ordered = bars.sort("symbol", "open_time")
    return ordered, _changes(ordered)


def _changes(bars: pl.DataFrame) -> Int64s:
    """Index of each row that is of another symbol or session than the row before."""
    changed = bars.select(
        (pl.col(name) != pl.col(name).shift()).fill_null(value=True) for name in ("symbol", "session")
    )
    return np.flatnonzero(changed["symbol"].to_numpy() | changed["session"].to_numpy())


def _runs(bars: pl.DataFrame, starts: Int64s, calendar: SessionCalendar, base: str) -> _Runs:
    heads = bars.select("symbol", "session")[starts]
    order = heads.with_row_index("run").sort("symbol", "session").get_column("run").to_numpy()
    sessions = heads.get_column("session")
    first, last = sessions.min(), sessions.max()
    told = (
        calendar.parts(first, last)  # type: ignore[arg-type]  # both are dates, the bars not being empty
        .group_by("session", maintain_order=True)
        .agg(
            pl.col("from").min().alias("open"),
            pl.col("to").max().alias("close"),
            pl.col("to").min().alias("break_start"),
            pl.col("from").max().alias("break_end"),
        )
        .join(calendar.bar_counts(first, last, base), on="session")  # type: ignore[arg-type]
    )
    mine = sessions.to_frame().join(told, on="session", how="left", maintain_order="left")
    lost = mine.filter(pl.col("open").is_null())
    if not lost.is_empty():
        raise CalendarError(f"bars of {lost['session'][0]}, which is no session of calendar {calendar.code}")
    opens, closes, break_start, break_end = (
        mine.get_column(name).dt.epoch("us").to_numpy() for name in ("open", "close", "break_start", "break_end")
    )
    split = break_end > opens
    breaks = (break_start, np.where(split, break_end, closes)) if split.any() else None
    length = interval_length(base)
    step = None if length is None else length // dt.timedelta(microseconds=1)
    return _Runs(starts, np.argsort(order), opens, closes, breaks, mine.get_column("bars").to_numpy(), step)


def _level(bars: pl.DataFrame, runs: _Runs) -> _Level:
    """The base bars as they are."""
    sizes = np.diff(np.append(runs.starts, bars.height))
    open_time, close_time = (_micros(bars, name) for name in ("open_time", "close_time"))
    part_start, part_stop = np.repeat(runs.opens, sizes), np.repeat(runs.closes, sizes)
    if runs.breaks is not None:
        break_start, break_end = (np.repeat(one, sizes) for one in runs.breaks)
        after = open_time >= break_end
        part_start = np.where(after, break_end, part_start)
        part_stop = np.where(after, part_stop, break_start)
    reached = close_time
    if "is_partial" in bars.columns:
        reached = np.where(bars.get_column("is_partial").to_numpy(), open_time, close_time)
    return _Level(
        starts=runs.starts,
        row=np.arange(bars.height),
        part_start=part_start,
        part_stop=part_stop,
        open_time=open_time,
        close_time=close_time,
        reached=reached,
        **{name: bars.get_column(name).to_numpy() for name in ("open", "high", "low", "close", "volume")},
        known_at=_micros(bars, "known_at"),
        quality=_seriousness(bars.get_column("quality")),
        count=np.ones(bars.height, dtype=np.int64),
    )


def _coarser(level: _Level, runs: _Runs, interval: str) -> _Level:
    """The bars of `interval` from those of a shorter one that nests in it."""
    length = interval_length(interval)
    new_run = np.zeros(len(level.open_time), dtype=bool)
    new_run[level.starts] = True
    if length is None:
        first, part_start, part_stop = level.starts, runs.opens, runs.closes
        open_time, close_time = part_start, part_stop
    else:
        micros = length // dt.timedelta(microseconds=1)
        bucket = level.part_start + (level.open_time - level.part_start) // micros * micros
        new_run[1:] |= bucket[1:] != bucket[:-1]
        first = np.flatnonzero(new_run)
        part_start, part_stop, open_time = level.part_start[first], level.part_stop[first], bucket[first]
        close_time = np.minimum(open_time + micros, part_stop)
    last = np.append(first[1:], len(level.open_time)) - 1
    return _Level(
        starts=np.searchsorted(first, level.starts),
        row=level.row[first],
        part_start=part_start,
        part_stop=part_stop,
        open_time=open_time,
        close_time=close_time,
        reached=level.reached[last],
        open=level.open[first],
        high=np.maximum.reduceat(level.high, first),
        low=np.minimum.reduceat(level.low, first),
        close=level.close[last],
        volume=np.add.reduceat(level.volume, first),
        known_at=np.maximum.reduceat(level.known_at, first),
        quality=np.maximum.reduceat(level.quality, first),
        count=np.add.reduceat(level.count, first),
    )


def _frame(level: _Level, bars: pl.DataFrame, runs: _Runs, interval: str) -> pl.DataFrame:
    if interval == "1d" or runs.step is None:
        expected = runs.expected
    else:
        expected = -(-(level.close_time - level.open_time) // runs.step)
    sizes = np.diff(np.append(level.starts, len(level.row)))
    order = np.argsort(np.repeat(runs.rank, sizes), kind="stable")
    made = (
        bars.select("symbol", "session")[level.row]
        .with_columns(
            *(pl.Series(name, getattr(level, name)).cast(UTC) for name in ("open_time", "close_time", "known_at")),
            *(pl.Series(name, getattr(level, name)) for name in ("open", "high", "low", "close", "volume")),
            pl.Series(QUALITY_CODES).gather(level.quality).alias("quality"),
            pl.Series("bars", level.count, dtype=pl.Int32),
            pl.Series("expected_bars", expected, dtype=pl.Int32),
            pl.Series("is_partial", level.reached < level.close_time),
        )
        .with_columns(interval=pl.lit(interval))
        .select(RESAMPLED_BARS.column_names)
    )
    return made if (np.diff(order) == 1).all() else made[order]


def _seriousness(quality: pl.Series) -> NDArray[np.uint8]:
    """Place of each code in QUALITY_CODES, which go from least to most serious."""
    if (quality == QUALITY_CODES[0]).all():
        return np.zeros(len(quality), dtype=np.uint8)
    return quality.cast(pl.Enum(QUALITY_CODES)).to_physical().cast(pl.UInt8).to_numpy()


def _micros(bars: pl.DataFrame, column: str) -> Int64s:
    return bars.get_column(column).to_physical().to_numpy()

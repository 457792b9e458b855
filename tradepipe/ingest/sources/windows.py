"""Spans of time that become one file each: a month of intraday rows, a year of daily ones."""

import datetime as dt
from collections.abc import Iterator

LENGTHS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14_400, "1d": 86_400}
"""Seconds of an interval where trading never stops."""


def milliseconds(interval: str) -> int:
    """Length of `interval` around the clock."""
    return LENGTHS[interval] * 1000


def epoch(day: dt.date) -> int:
    """Midnight UTC of `day` in epoch milliseconds."""
    return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() * 1000)


def time_of(moment: int) -> dt.datetime:
    """Epoch milliseconds as UTC."""
    return dt.datetime.fromtimestamp(moment / 1000, dt.UTC)


def windows(start: int, stop: int, *, years: bool) -> Iterator[tuple[int, int]]:
    """[start, stop) parted at the turns of months, or of years: (from, to) in epoch milliseconds, in order."""
    while start < stop:
        day = time_of(start).date()
        turn = dt.date(day.year + (years or day.month == 12), 1 if years else day.month % 12 + 1, 1)
        yield start, min(epoch(turn), stop)
        start = epoch(turn)

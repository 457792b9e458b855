"""Partition keys of a market: months (`2018-12`) or sessions (`2018-12-31`), and their windows."""

import calendar as months
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from tradepipe.markets.calendar import NoSessionError, SessionCalendar

_FORMATS = {"month": "%Y-%m", "session": "%Y-%m-%d"}
_MONTH = re.compile(r"\d{4}-\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class PartitionKeyError(ValueError):
    """A text is no partition key of the market."""


@dataclass(frozen=True)
class PartitionScheme:
    """How a market's sessions are parted; `start` and `end` (None: still trading) bound them all."""

    kind: Literal["month", "session"]
    calendar: SessionCalendar
    start: dt.date
    end: dt.date | None = None

    def key_of(self, session: dt.date) -> str:
        """The key of the partition that holds `session`.

        Raises:
            NoSessionError: the date is no session, or lies outside the market's start and end.
        """
        if not self.start <= session <= (self.end or session):
            raise NoSessionError(f"{session} lies outside the market's sessions, {self.start} to {self.end or 'today'}")
        if not self.calendar.is_session(session):
            raise NoSessionError(f"{session} is no session of calendar {self.calendar.code}")
        return session.strftime(_FORMATS[self.kind])

    def key_expr(self, column: str = "session") -> pl.Expr:
        """The key of each date in `column`, as text. The dates are taken to be sessions."""
        return pl.col(column).dt.strftime(_FORMATS[self.kind])

    def keys(self, first: dt.date | str, last: dt.date | str) -> list[str]:
        """Keys of all partitions with a session between `first` and `last` (dates or keys, inclusive).

        What lies outside the market's start and end is left out; without an end, `last` is the end.
        """
        sessions = self._between(self._day(first, last=False), self._day(last, last=True))
        return list(dict.fromkeys(session.strftime(_FORMATS[self.kind]) for session in sessions))

    def sessions_of(self, key: str) -> list[dt.date]:
        """Sessions of partition `key`, in order.

        Raises:
            PartitionKeyError: `key` is malformed, of the other kind, or holds no session of the market.
        """
        pattern = _MONTH if self.kind == "month" else _DAY
        if not pattern.fullmatch(key):
            example = "2018-12" if self.kind == "month" else "2018-12-31"
            raise PartitionKeyError(f"partition {key!r}: this market is parted by {self.kind}; expected e.g. {example}")
        sessions = self._between(self._day(key, last=False), self._day(key, last=True))
        if not sessions:
            raise PartitionKeyError(
                f"partition {key!r}: calendar {self.calendar.code} has no session there "
                f"between {self.start} and {self.end or 'today'}"
            )
        return sessions

    def span(self, keys: Sequence[str]) -> tuple[dt.date, dt.date]:
        """First and last session of `keys`.

        Raises:
            PartitionKeyError: no keys, or one that is not valid.
        """
        if not keys:
            raise PartitionKeyError("no partition keys were given; a span needs at least one")
        return self.sessions_of(min(keys))[0], self.sessions_of(max(keys))[-1]

    def windows(self, keys: Sequence[str], lookback: int) -> pl.DataFrame:
        """What each partition is computed from: one row a key, in key order.

        Columns: partition, anchor_session, first_session, last_session. The anchor is the first
        session shifted back by `lookback` sessions, never before the market's first.

        Raises:
            PartitionKeyError: a key is not valid.
            ValueError: a negative lookback.
        """
        if lookback < 0:
            raise ValueError(f"lookback is {lookback}; a number of sessions, zero or more, is expected")
        wanted = sorted(set(keys))
        for key in wanted:
            self.sessions_of(key)
        last = self.span(wanted)[1] if wanted else self.start
        sessions = pl.Series("session", self._between(self.start, last), dtype=pl.Date)
        parted = (
            sessions.to_frame()
            .with_row_index("first")
            .group_by(self.key_expr().alias("partition"))
            .agg(pl.col("first").min(), first_session=pl.min("session"), last_session=pl.max("session"))
            .filter(pl.col("partition").is_in(wanted))
            .sort("partition")
        )
        anchors = sessions.gather((parted.get_column("first").cast(pl.Int64) - lookback).clip(0))
        return parted.with_columns(anchors.alias("anchor_session")).select(
            "partition", "anchor_session", "first_session", "last_session"
        )

    def lookback_keys(self, key: str, lookback: int) -> list[str]:
        """Keys from the one that holds the anchor of `key` (see `windows`) to `key` itself, inclusive."""
        anchor = self.windows([key], lookback).get_column("anchor_session").item()
        return self.keys(anchor, key)

    def _between(self, first: dt.date, last: dt.date) -> list[dt.date]:
        return self.calendar.sessions(max(first, self.start), min(last, self.end or last))

    def _day(self, bound: dt.date | str, *, last: bool) -> dt.date:
        """The date of a bound: of a month, its first or last day."""
        if isinstance(bound, dt.date):
            return bound
        try:
            if _MONTH.fullmatch(bound):
                year, month = int(bound[:4]), int(bound[5:])
                return dt.date(year, month, months.monthrange(year, month)[1] if last else 1)
            if _DAY.fullmatch(bound):
                return dt.date.fromisoformat(bound)
        except ValueError:
            pass  # e.g. month 13: the message below says it
        raise PartitionKeyError(f"{bound!r} is no partition key nor date; expected e.g. 2018-12 or 2018-12-31")

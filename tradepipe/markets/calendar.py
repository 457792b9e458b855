"""Sessions of a market: which days trade, when they open and close, and where bars are expected.

Exchange sessions, half days, holidays and daylight saving come from `exchange_calendars`. It costs
1.5 CPU seconds to import (it brings pandas), so a calendar reads it on first use and not before:
building a market, or listing Dagster definitions over months, needs no calendar at all.
"""

import bisect
import datetime as dt
import difflib
import functools
import warnings
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

UTC: Final = pl.Datetime("us", "UTC")
AROUND_THE_CLOCK: Final = "24/7"

# The years a calendar covers. Fixed, so that an answer never depends on what was asked before.
EARLIEST: Final = dt.date(1970, 1, 1)
LATEST: Final = dt.date(2049, 12, 31)

_LENGTHS: Final = {
    "1m": dt.timedelta(minutes=1),
    "5m": dt.timedelta(minutes=5),
    "15m": dt.timedelta(minutes=15),
    "1h": dt.timedelta(hours=1),
    "4h": dt.timedelta(hours=4),
}


class CalendarError(ValueError):
    """What was asked of a calendar cannot be answered."""


class UnknownCalendarError(CalendarError):
    """No calendar has this code."""


class CalendarRangeError(CalendarError):
    """The calendar does not know sessions that far back or ahead."""


class NoSessionError(CalendarError):
    """The date is no session of the calendar."""


def interval_length(interval: str) -> dt.timedelta | None:
    """Length of an intraday bar (`1m` to `4h`); None for `1d`, whose length is the session's.

    Raises:
        CalendarError: for any other word.
    """
    if interval == "1d":
        return None
    if interval not in _LENGTHS:
        raise CalendarError(f"interval {interval!r} is unknown; expected one of {', '.join([*_LENGTHS, '1d'])}")
    return _LENGTHS[interval]


class _Schedule(NamedTuple):
    """A calendar's zone, its dates in order, and one row a session.

    `frame` columns: session, open_time, close_time, break_start, break_end, is_half_day; times UTC.
    """

    timezone: str
    dates: list[dt.date]
    frame: pl.DataFrame
    covers: tuple[dt.date, dt.date]


class SessionCalendar:
    """Sessions of one market. Get one from `calendar_for`; all times it returns are UTC.

    A session carries the exchange's local date and may open on the UTC day before. Code "24/7" is
    ours: a session is a UTC day, midnight to midnight.
    """

    def __init__(self, code: str) -> None:
        self.code = code

    def __repr__(self) -> str:
        return f"SessionCalendar({self.code!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return (calendar_for, (self.code,))

    @functools.cached_property
    def _schedule(self) -> _Schedule:
        return _utc_days() if self.code == AROUND_THE_CLOCK else _exchange_schedule(self.code)

    @property
    def timezone(self) -> str:
        """IANA name of the zone whose dates the sessions carry."""
        return self._schedule.timezone

    @property
    def known(self) -> tuple[dt.date, dt.date]:
        """First and last date about which the calendar can say anything."""
        return self._schedule.covers

    def check(self) -> None:
        """Read the calendar now, so that an unknown code is reported here and not at first use."""
        _ = self._schedule

    def sessions(self, start: dt.date, end: dt.date) -> list[dt.date]:
        """Sessions from `start` to `end`, both inclusive, in order."""
        first, stop = self._slice(start, end)
        return self._schedule.dates[first:stop]

    def non_sessions(self, start: dt.date, end: dt.date) -> list[dt.date]:
        """Dates from `start` to `end`, both inclusive, that are no sessions."""
        traded = set(self.sessions(start, end))
        days = (start + dt.timedelta(days=n) for n in range((end - start).days + 1))
        return [day for day in days if day not in traded]

    def is_session(self, day: dt.date) -> bool:
        """Whether the calendar has a session on `day`."""
        return bool(self.sessions(day, day))

    def bounds(self, start: dt.date, end: dt.date) -> pl.DataFrame:
        """One row a session: session, open_time, close_time (UTC), is_half_day (closes early)."""
        return self._rows(start, end).select("session", "open_time", "close_time", "is_half_day")

    def parts(self, start: dt.date, end: dt.date) -> pl.DataFrame:
        """The uninterrupted parts of each session, in time order: session, from, to (UTC).

        One row a session, or two where it has a lunch break with trading after it.
        """
        return _parts(self._rows(start, end))

    def grid(self, start: dt.date, end: dt.date, interval: str) -> pl.DataFrame:
        """Every expected bar: session, open_time, close_time (UTC), in time order.

        Intraday bars are laid from the session's open, and again from the end of its lunch break
        where it has one; the last of each part ends with it and may be shorter than `interval`
        (a New York session holds seven `1h` bars, the last of half an hour). A `1d` bar is the session.
        """
        rows = self._rows(start, end)
        length = interval_length(interval)
        if length is None:
            return rows.select("session", "open_time", "close_time")
        return (
            _parts(rows)
            .with_columns(open_time=pl.datetime_ranges("from", "to", interval=interval, closed="left"))
            .explode("open_time")
            .select("session", "open_time", close_time=pl.min_horizontal(pl.col("open_time") + length, "to"))
        )

    def bar_counts(self, start: dt.date, end: dt.date, interval: str) -> pl.DataFrame:
        """Expected bars of each session: session, bars. The grid's row counts, without the grid."""
        rows = self._rows(start, end)
        length = interval_length(interval)
        if length is None:
            return rows.select("session", bars=pl.lit(1, pl.Int64))
        micros = _micros(length)
        span = (pl.col("to") - pl.col("from")).dt.total_microseconds()
        return _parts(rows).group_by("session", maintain_order=True).agg(bars=((span + micros - 1) // micros).sum())

    def bars_at(self, open_times: pl.Series, start: dt.date, end: dt.date, interval: str) -> pl.DataFrame:
        """The expected bar that opens at each time: session, close_time; both null where none does.

        One row an element of `open_times` (UTC), in its order; nulls give nulls. Costs no grid, so a
        stray time decades away does no harm.
        """
        rows, length = self._rows(start, end), interval_length(interval)
        if length is None:
            parts = rows.select("session", pl.col("open_time").alias("from"), pl.col("close_time").alias("to"))
            aligned, close = pl.col("asked") == pl.col("from"), pl.col("to")
        else:
            parts = _parts(rows)
            aligned = (pl.col("asked") - pl.col("from")).dt.total_microseconds() % _micros(length) == 0
            close = pl.min_horizontal(pl.col("asked") + length, "to")
        expected = aligned & (pl.col("asked") < pl.col("to"))
        return (
            open_times.alias("asked")
            .to_frame()
            .with_row_index("row")
            .sort("asked")
            .join_asof(parts, left_on="asked", right_on="from", strategy="backward")
            .sort("row")
            .select(pl.when(expected).then("session").alias("session"), close_time=pl.when(expected).then(close))
        )

    def offset(self, session: dt.date, n: int) -> dt.date:
        """The session `n` sessions after `session`; before it when `n` is negative.

        Raises:
            NoSessionError: `session` is no session.
            CalendarRangeError: the answer lies outside what the calendar knows.
        """
        here, stop = self._slice(session, session)
        if here == stop:
            raise NoSessionError(f"{session} is no session of calendar {self.code}")
        dates = self._schedule.dates
        if not 0 <= here + n < len(dates):
            first, last = self.known
            raise CalendarRangeError(
                f"{n} sessions from {session} is outside calendar {self.code}, known {first} to {last}"
            )
        return dates[here + n]

    def _slice(self, start: dt.date, end: dt.date) -> tuple[int, int]:
        first, last = self.known
        if start <= end and (start < first or end > last):
            raise CalendarRangeError(
                f"calendar {self.code} knows sessions from {first} to {last}; asked for {start} to {end}. "
                "Remedy: dates inside that range, or a newer exchange_calendars"
            )
        dates = self._schedule.dates
        return bisect.bisect_left(dates, start), bisect.bisect_right(dates, end)

    def _rows(self, start: dt.date, end: dt.date) -> pl.DataFrame:
        first, stop = self._slice(start, end)
        return self._schedule.frame.slice(first, max(stop - first, 0))


@functools.cache
def calendar_for(code: str) -> SessionCalendar:
    """The calendar of an `exchange_calendars` code such as XNYS, or of "24/7". Reads nothing yet.

    A code that does not exist raises `UnknownCalendarError` on first use, or from `check()`.
    """
    return SessionCalendar(code)


def _micros(length: dt.timedelta) -> int:
    return length // dt.timedelta(microseconds=1)


def _parts(rows: pl.DataFrame) -> pl.DataFrame:
    """session, from, to: the uninterrupted parts of each session, in time order."""
    whole = rows.filter(pl.col("break_start").is_null()).select(
        "session", pl.col("open_time").alias("from"), pl.col("close_time").alias("to")
    )
    broken = rows.filter(pl.col("break_start").is_not_null())
    before = broken.select("session", pl.col("open_time").alias("from"), pl.col("break_start").alias("to"))
    after = broken.select("session", pl.col("break_end").alias("from"), pl.col("close_time").alias("to"))
    # A half day may end with the morning: then nothing is left after the break.
    return pl.concat([whole, before, after]).filter(pl.col("from") < pl.col("to")).sort("from")


def _utc_days() -> _Schedule:
    midnight = pl.col("session").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    nothing = pl.lit(None, UTC)
    frame = pl.select(session=pl.date_range(EARLIEST, LATEST, "1d")).with_columns(
        open_time=midnight,
        close_time=midnight + dt.timedelta(days=1),
        break_start=nothing,
        break_end=nothing,
        is_half_day=pl.lit(value=False),
    )
    return _Schedule("UTC", frame["session"].to_list(), frame, (EARLIEST, LATEST))


def _exchange_schedule(code: str) -> _Schedule:
    import exchange_calendars  # noqa: PLC0415 - 1.5 CPU seconds, paid on first use
    import exchange_calendars.errors  # noqa: PLC0415

    with warnings.catch_warnings():
        # exchange_calendars 4.13 uses what pandas 3.1 says will go in pandas 4; nothing here can mend that.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            recent = exchange_calendars.get_calendar(code)
        except exchange_calendars.errors.InvalidCalendarName:
            raise UnknownCalendarError(_unknown(code, exchange_calendars.get_calendar_names())) from None
        lowest, highest = recent.bound_min(), recent.bound_max()
        first = EARLIEST if lowest is None else max(EARLIEST, lowest.date())
        last = LATEST if highest is None else min(LATEST, highest.date())
        calendar = exchange_calendars.get_calendar(code, start=first.isoformat(), end=last.isoformat())
    early = pl.Series(calendar.early_closes.to_numpy()).cast(pl.Date)
    frame = pl.DataFrame(
        {
            "session": pl.Series(calendar.sessions.to_numpy()).cast(pl.Date),
            "open_time": _utc(calendar.opens_nanos),
            "close_time": _utc(calendar.closes_nanos),
            "break_start": _utc(calendar.break_starts_nanos),
            "break_end": _utc(calendar.break_ends_nanos),
        }
    ).with_columns(is_half_day=pl.col("session").is_in(early.implode()))
    return _Schedule(str(calendar.tz.key), frame["session"].to_list(), frame, (first, last))


def _utc(nanoseconds: NDArray[np.int64]) -> pl.Series:
    missing = -(2**63)  # pandas' NaT: a session without a lunch break
    series = pl.Series("nanoseconds", nanoseconds, dtype=pl.Int64)
    return pl.select(
        pl.when(series != missing).then(series // 1000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    ).to_series()


def _unknown(code: str, names: list[str]) -> str:
    near = difflib.get_close_matches(code.upper(), names, n=4, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"known are {AROUND_THE_CLOCK}, XNYS, XLON, XTKS and others"
    return f"key `calendar` of the market's file: {code!r} is no exchange_calendars code nor 24/7; {hint}"

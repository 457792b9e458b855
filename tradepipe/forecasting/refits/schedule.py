"""When models are refitted: after each session, or after the last one of each week or month."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from tradepipe.forecasting.model import ForecastError, IntArray

Every = Literal["day", "week", "month"]

SESSIONS_BACK: dict[Every, int] = {"day": 1, "week": 7, "month": 31}
"""The most sessions from a refit to the first origin of the next that it serves, on any calendar."""


@dataclass(frozen=True)
class RefitSchedule:
    """The sessions after whose close parameters are fitted anew.

    A refit after session r sees bars up to r's last one. With one bar a session it serves the origins from r's own
    bar on, because the forecast is made after the refit; with several it serves those of the sessions after r, because
    the forecast at r's last bar is made while the refit is still to come.

    Attributes:
        every: how often.
        sessions: of the market's calendar from the market's first on, ascending, also those after the last that has
            bars: whether a session is the last of its week is known beforehand. Numbers of sessions count from the
            first, so that they do not depend on what range is computed.
        several: whether a session holds more than one bar.
    """

    every: Every
    sessions: tuple[dt.date, ...]
    several: bool = False

    @cached_property
    def days(self) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
        """`sessions` as datetime64[D]."""
        days = np.array(self.sessions, dtype="datetime64[D]")
        if not (days[1:] > days[:-1]).all():
            raise ForecastError("the schedule's sessions are not ascending; pass the calendar's, each once")
        return days

    @cached_property
    def turns(self) -> IntArray:
        """(sessions,) number since 1970 of the day, week or month that each session lies in.

        One for each refit, the next refit's the next: numbers of sessions go on by five a week, and what rotates among
        five would stand still.
        """
        if self.every == "month":
            return self.days.astype("datetime64[M]").astype(np.int64)
        day = self.days.astype(np.int64)
        # 1970-01-01 was a Thursday; weeks begin on Monday, as ISO 8601 has them.
        return day if self.every == "day" else (day + 3) // 7

    @cached_property
    def refits(self) -> IntArray:
        """Numbers of the sessions after which a refit is due."""
        if self.every == "day":
            return np.arange(len(self.days))
        return np.flatnonzero(self.turns[1:] != self.turns[:-1])  # of the last period it is not known when it ends

    def numbers(self, sessions: Sequence[dt.date] | np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> IntArray:
        """The number of each of `sessions`.

        Raises:
            ForecastError: one is no session of the schedule.
        """
        days = np.asarray(sessions, dtype="datetime64[D]")
        if not len(days):
            return np.empty(0, dtype=np.int64)
        if not len(self.days):
            raise ForecastError("the refit schedule has no sessions; pass all sessions of the market's calendar")
        first, last = self.days[0], self.days[-1]
        lost = days[(days < first) | (days > last)]
        if not len(lost):
            places: IntArray = self._by_day[(days - first).astype(np.int64)]
            lost = days[places < 0]
        if len(lost):
            raise ForecastError(
                f"{lost[0]} is no session of the refit schedule, which has {len(self.days)} sessions from "
                f"{first}; pass all sessions of the market's calendar"
            )
        return places

    @cached_property
    def _by_day(self) -> IntArray:
        """Number of the session of each day from the first to the last; -1 of others."""
        since = (self.days - self.days[0]).astype(np.int64)
        numbers = np.full(since[-1] + 1, -1)
        numbers[since] = np.arange(len(since))
        return numbers

    def at_or_after(self, day: dt.date) -> int:
        """The number of the first session that is not before `day`."""
        return int(np.searchsorted(self.days, np.datetime64(day)))

    def chain(self, first: int, last: int) -> list[int]:
        """Numbers of the refits that serve the origins in the sessions numbered `first` to `last`.

        The first is the newest one that serves `first`. Where there is none yet, the chain begins at the first
        refit that serves any of the sessions.
        """
        late = 1 if self.several else 0
        begin = int(np.searchsorted(self.refits, first - late, side="right")) - 1
        end = int(np.searchsorted(self.refits, last - late, side="right"))
        return [int(one) for one in self.refits[max(begin, 0) : end]]

    def after(self, session: int) -> int | None:
        """Number of the first refit that is due after the session numbered `session`, if any is."""
        place = int(np.searchsorted(self.refits, session, side="right"))
        return int(self.refits[place]) if place < len(self.refits) else None

    def served(self, refit: int, following: int | None, last: int) -> tuple[int, int]:
        """First and last session whose origins `refit` serves, when `following` is the refit after it, if any."""
        late = 1 if self.several else 0
        return refit + late, min(last, last if following is None else following + late - 1)

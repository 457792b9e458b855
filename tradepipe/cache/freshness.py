"""Until when nothing new can be known of a market: the next expected close plus the publication delay."""

import datetime as dt
from dataclasses import dataclass

import polars as pl

from tradepipe.markets import Market

_AHEAD = (dt.timedelta(days=7), dt.timedelta(days=60))
"""How far ahead the next session is looked for: most are near, and no exchange closes for two months."""

_BEHIND = dt.timedelta(days=2)
"""A session's local date may lie a day off the UTC date, on either side."""


def next_bar_known(market: Market, now: dt.datetime) -> dt.datetime | None:
    """The first moment after `now` (UTC) at which another bar of the market can be known.

    That is the first expected bar whose close plus the market's publication delay lies after `now`:
    half days close early, holidays and weekends expect none, and closes move with daylight saving.
    None when no bar is expected any more: the market has ended, or its calendar ends.
    """
    cutoff = now - market.settings.publication_delay
    close = _next_close(market, cutoff)
    return None if close is None else close + market.settings.publication_delay


def _next_close(market: Market, after: dt.datetime) -> dt.datetime | None:
    start, end = market.dates
    known_from, known_to = market.calendar.known
    first = max(after.date() - _BEHIND, start, known_from)
    for ahead in _AHEAD:
        # A market that has not started yet is looked at from its start on.
        last = min(max(after.date(), first) + ahead, end, known_to)
        if first > last:
            return None
        bounds = market.calendar.bounds(first, last).filter(pl.col("close_time") > after)
        if bounds.height:
            return _first_close(market, bounds.item(0, "session"), after)
    return None


def _first_close(market: Market, session: dt.date, after: dt.datetime) -> dt.datetime:
    closes = market.calendar.grid(session, session, market.settings.interval)["close_time"]
    found: dt.datetime = closes.filter(closes > after).min()  # type: ignore[assignment]  # a Datetime column
    return found


@dataclass
class Freshness:
    """`next_bar_known` of one market, remembered while the answer stays the same.

    The calendar is asked once a bar, however often a window is read.
    """

    market: Market
    _answer: tuple[dt.datetime, dt.datetime | None] | None = None

    def until(self, now: dt.datetime) -> dt.datetime | None:
        """The same answer as `next_bar_known`."""
        answer = self._answer  # one attribute, so that no thread sees half of another's answer
        if answer is None or now < answer[0] or (answer[1] is not None and now >= answer[1]):
            answer = self._answer = (now, next_bar_known(self.market, now))
        return answer[1]

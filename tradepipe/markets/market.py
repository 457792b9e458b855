"""A market: its settings, and the calendar, partitions and universe that follow from them."""

import datetime as dt
import functools
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradepipe.markets.calendar import CalendarError, SessionCalendar, calendar_for
from tradepipe.markets.corporate_actions import CorporateActionError, CorporateActions, load_corporate_actions
from tradepipe.markets.partitions import PartitionScheme
from tradepipe.markets.universe import Universe, load_universe
from tradepipe.settings.models import MarketSettings, Settings


@dataclass(frozen=True)
class Market:
    """One market. Building it reads nothing; calendar and universe are read on first use."""

    settings: MarketSettings

    @property
    def name(self) -> str:
        return self.settings.name

    @functools.cached_property
    def calendar(self) -> SessionCalendar:
        """The sessions.

        Raises:
            CalendarError: there is no such calendar, or the settings name another time zone than it has.
        """
        calendar, told = calendar_for(self.settings.calendar), self.settings.timezone
        if told is not None and told != calendar.timezone:
            raise CalendarError(
                f"conf/markets/{self.name}.yaml: timezone is {told}, but calendar {calendar.code} "
                f"keeps {calendar.timezone}. Remedy: say {calendar.timezone}, or leave the key out."
            )
        return calendar

    @property
    def timezone(self) -> str:
        """The calendar's IANA time zone; known without the calendar where the settings name it."""
        return self.settings.timezone or self.calendar.timezone

    @functools.cached_property
    def partitions(self) -> PartitionScheme:
        return PartitionScheme(self.settings.partition, self.calendar, self.settings.start, self.settings.end)

    @property
    def dates(self) -> tuple[dt.date, dt.date]:
        """First and last date of the market; while it still trades, the last its calendar knows."""
        return self.settings.start, self.settings.end or self.calendar.known[1]

    @functools.cached_property
    def universe(self) -> Universe:
        """The instruments.

        Raises:
            UniverseError: the file is missing or broken.
        """
        return load_universe(self.settings.universe)

    @functools.cached_property
    def corporate_actions(self) -> CorporateActions:
        """The splits, dividends and symbol changes that the settings name.

        Raises:
            CorporateActionError: the settings name none, or the file is missing or broken.
        """
        name = self.settings.corporate_actions
        if name is None:
            raise CorporateActionError(
                f"conf/markets/{self.name}.yaml: corporate_actions is not set, so its prices cannot be adjusted. "
                "Remedy: name a file of data/manifests/corporate_actions."
            )
        return load_corporate_actions(name)

    def newest_date(self, now: dt.datetime) -> dt.date:
        """The last date that can have a session at `now` (aware): the market's local today, or its end."""
        today = now.astimezone(zoneinfo.ZoneInfo(self.timezone)).date()
        return min(today, self.settings.end or today)

    def grid(self, keys: Sequence[str], ahead: int) -> pl.DataFrame:
        """The bars that the calendar expects, from the first session of `keys` to `ahead` bars beyond their last."""
        first, last = self.partitions.span(keys)
        end = self.calendar.offset(last, self.lookback_sessions(ahead))
        return self.calendar.grid(first, end, self.settings.interval)

    def lookback_sessions(self, bars: int, interval: str | None = None) -> int:
        """The fewest sessions that are sure to hold `bars` bars of `interval`; None: of the base interval.

        Any run of that many consecutive sessions of the market holds at least `bars` expected bars,
        also a run full of half days. For daily bars it is `bars` itself.
        """
        interval = interval or self.settings.interval
        if bars <= 0 or interval == "1d":
            return max(bars, 0)
        counts = self.calendar.bar_counts(*self.dates, interval).get_column("bars").to_numpy()
        # held[i] bars lie in the first i sessions. The shortest run that ends before session i and
        # holds enough starts at the last j with held[i] - held[j] >= bars.
        held = np.concatenate([[0], np.cumsum(counts)])
        ends = np.flatnonzero(held >= bars)
        if ends.size == 0:  # the market is too short to hold them at all
            return -(-bars // int(counts.min() if counts.size else 1))
        starts = np.searchsorted(held, held[ends] - bars, side="right") - 1
        return int((ends - starts).max())


def load_markets(settings: Settings) -> dict[str, Market]:
    """The configured markets by name, in the configuration's order. Reads no calendar and no universe."""
    return {name: Market(market) for name, market in settings.markets.items()}

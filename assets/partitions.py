"""Dagster partitions of a market: months, or the calendar's sessions and nothing else."""

import datetime as dt

import dagster as dg

from tradepipe.chain import LAYERS
from tradepipe.markets import AROUND_THE_CLOCK, Market

# The average month holds 21 sessions; with 18 the mapping reaches back far enough over any lookback.
SESSIONS_IN_A_SHORT_MONTH = 18


def partitions_of(market: Market) -> dg.TimeWindowPartitionsDefinition:
    """The market's partition keys as Dagster knows them, equal to `market.partitions.keys(…)`.

    A session market excludes the calendar's non-sessions, so that only sessions are keys. The time
    zone is the calendar's. While a market trades, the partition under way is a key too: a session's
    bars are complete at its close, not at midnight.
    """
    told = market.settings
    if told.partition == "month":
        end = _next_month(told.end) if told.end else None
        return dg.MonthlyPartitionsDefinition(
            start_date=f"{told.start:%Y-%m}",
            end_date=f"{end:%Y-%m}" if end else None,
            fmt="%Y-%m",
            timezone=market.timezone,
            end_offset=_running(market),
        )
    end = told.end + dt.timedelta(days=1) if told.end else None
    return dg.DailyPartitionsDefinition(
        start_date=f"{told.start:%Y-%m-%d}",
        end_date=f"{end:%Y-%m-%d}" if end else None,
        timezone=market.timezone,
        exclusions=_non_sessions(market) or None,
        end_offset=_running(market),
    )


def mapping(market: Market, layer: str, read: str) -> dg.PartitionMapping:
    """Which partitions of `read` a partition of `layer` reads, as an upper bound for the UI and automation."""
    return looking_back(market, LAYERS[layer].reads(market)[read])


def looking_back(market: Market, sessions: int) -> dg.PartitionMapping:
    """The partitions from `sessions` sessions before a partition's first one to itself; an upper bound."""
    if sessions == 0:
        return dg.IdentityPartitionMapping()
    steps = sessions if market.settings.partition == "session" else sessions // SESSIONS_IN_A_SHORT_MONTH + 1
    return dg.TimeWindowPartitionMapping(start_offset=-steps)


def _non_sessions(market: Market) -> list[dt.datetime]:
    if market.settings.calendar == AROUND_THE_CLOCK:
        return []
    last = market.settings.end or market.calendar.known[1]
    return [dt.datetime.combine(day, dt.time()) for day in market.calendar.non_sessions(market.settings.start, last)]


def _running(market: Market) -> int:
    end = market.settings.end
    return 1 if end is None or end >= dt.datetime.now(dt.UTC).date() else 0


def _next_month(day: dt.date) -> dt.date:
    return (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)

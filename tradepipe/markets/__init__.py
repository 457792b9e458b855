"""Markets: sessions and calendars, partition keys, universes. Built from settings alone."""

from tradepipe.markets.calendar import (
    AROUND_THE_CLOCK,
    CalendarError,
    CalendarRangeError,
    NoSessionError,
    SessionCalendar,
    UnknownCalendarError,
    calendar_for,
    interval_length,
)
from tradepipe.markets.market import Market, load_markets
from tradepipe.markets.partitions import PartitionKeyError, PartitionScheme
from tradepipe.markets.universe import Instrument, Universe, UniverseError, load_universe

__all__ = [
    "AROUND_THE_CLOCK",
    "CalendarError",
    "CalendarRangeError",
    "Instrument",
    "Market",
    "NoSessionError",
    "PartitionKeyError",
    "PartitionScheme",
    "SessionCalendar",
    "Universe",
    "UniverseError",
    "UnknownCalendarError",
    "calendar_for",
    "interval_length",
    "load_markets",
    "load_universe",
]

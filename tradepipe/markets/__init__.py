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
from tradepipe.markets.corporate_actions import (
    Action,
    CorporateActionError,
    CorporateActions,
    action_frame,
    load_corporate_actions,
    write_corporate_actions,
)
from tradepipe.markets.lean import TickerSpell, actions_from_lean_factors, actions_from_lean_map, ticker_history
from tradepipe.markets.market import Market, load_markets
from tradepipe.markets.partitions import PartitionKeyError, PartitionScheme
from tradepipe.markets.universe import Instrument, Universe, UniverseError, load_universe

__all__ = [
    "AROUND_THE_CLOCK",
    "Action",
    "CalendarError",
    "CalendarRangeError",
    "CorporateActionError",
    "CorporateActions",
    "Instrument",
    "Market",
    "NoSessionError",
    "PartitionKeyError",
    "PartitionScheme",
    "SessionCalendar",
    "TickerSpell",
    "Universe",
    "UniverseError",
    "UnknownCalendarError",
    "action_frame",
    "actions_from_lean_factors",
    "actions_from_lean_map",
    "calendar_for",
    "interval_length",
    "load_corporate_actions",
    "load_markets",
    "load_universe",
    "ticker_history",
    "write_corporate_actions",
]

"""Which of a file's columns mean what, and what its name says: symbol and time of delivery."""

import datetime as dt
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tradepipe.ingest.content import FileFault
from tradepipe.ingest.landing import LandingFile
from tradepipe.markets import Market
from tradepipe.settings.sources import DeliverySettings, FileSource

NUMBERS = ("open", "high", "low", "close", "volume")
ADJUSTED = "adjusted_close"
TEXTS = ("symbol", "time", "delivered")


def roles(source: FileSource) -> dict[str, str]:
    """Our name (symbol, time, delivered, open, ...) to the column's name in the file."""
    named: dict[str, str | None] = {
        "symbol": source.symbol_column,
        "time": source.time_column,
        "delivered": source.delivered.column if source.delivered.by == "column" else None,
        **{str(name): column for name, column in source.columns.items()},
    }
    return {role: column for role, column in named.items() if column is not None}


def header_fault(header: Sequence[str], source: FileSource) -> tuple[str, str] | None:
    """Reason and detail if a file with this header cannot be read."""
    needed = list(dict.fromkeys(roles(source).values()))
    if missing := [name for name in needed if name not in header]:
        return "column_missing", f"no column {', '.join(missing)}; the header has {', '.join(header)}"
    if repeated := [name for name in needed if list(header).count(name) > 1]:
        return "column_repeated", f"more than one column {', '.join(repeated)}"
    return None


@dataclass(frozen=True)
class Named:
    """What a file's name says. `symbol`: None where a column says it. `delivered_at`: None where not told."""

    symbol: str | None
    delivered_at: dt.datetime | None


def named(file: LandingFile, source: FileSource, market: Market) -> Named | FileFault:
    """Symbol and time of delivery by the file's name or arrival.

    Faults: `symbol_missing` and `delivery_unreadable`, where a pattern does not fit the name.
    """
    symbol = None
    if source.symbol_column is None:
        symbol = file.stem if source.symbol_pattern is None else _found(source.symbol_pattern, file)
        if symbol is None:
            return FileFault(file, "symbol_missing", f"the name does not fit symbol_pattern {source.symbol_pattern}")
    if source.delivered.by == "arrival":
        return Named(symbol, file.arrived_at)
    if source.delivered.by != "file_name":
        return Named(symbol, None)
    told = _found(source.delivered.pattern or "", file)
    delivered = delivery_time(told, source.delivered, market.timezone) if told is not None else None
    if delivered is None:
        settings = source.delivered
        detail = f"the name does not give a date by pattern {settings.pattern} and format {settings.format}"
        return FileFault(file, "delivery_unreadable", detail)
    return Named(symbol, delivered)


def delivery_time(text: str, settings: DeliverySettings, zone: str) -> dt.datetime | None:
    """UTC time of delivery that `text` says; a date alone is taken at `settings.time` in `zone`."""
    try:
        read = dt.datetime.strptime(text, settings.format)  # noqa: DTZ007 - the zone comes below
    except ValueError:
        return None
    if not has_time(settings.format):
        read = dt.datetime.combine(read.date(), settings.time)
    if read.tzinfo is None:
        read = read.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    try:
        return read.astimezone(dt.UTC)
    except OverflowError:  # the first and last hours that a datetime can hold
        return None


def has_time(time_format: str) -> bool:
    """Whether a strftime format says a time of day."""
    return any(code in time_format for code in ("%H", "%I", "%T", "%R", "%s", "%X", "%c", "%+", "epoch"))


def _found(pattern: str, file: LandingFile) -> str | None:
    """The pattern's group in the file's name, or else in its path below the landing folder."""
    for name in (Path(file.name).name, file.name):
        if (match := re.search(pattern, name)) is not None and match.group(1):
            return match.group(1)
    return None

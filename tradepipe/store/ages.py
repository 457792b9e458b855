"""How old a partition is: its key says which days it holds."""

import calendar
import datetime as dt
import re

_KEY = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")


def last_day(partition: str) -> dt.date | None:
    """The last day that a partition can hold: of `2024-02` the 29th; None for keys that name no time."""
    match = _KEY.fullmatch(partition)
    if match is None:
        return None
    year, month = int(match[1]), int(match[2])
    try:
        return dt.date(year, month, int(match[3] or calendar.monthrange(year, month)[1]))
    except (ValueError, calendar.IllegalMonthError):
        return None


def age(partition: str, now: dt.datetime) -> dt.timedelta | None:
    """Whole days from a partition's last day to the day (UTC) of `now`; None for keys that name no time."""
    last = last_day(partition)
    return None if last is None else now.astimezone(dt.UTC).date() - last


def month_of(partition: str) -> str | None:
    """`2024-02` of the session `2024-02-28`; None for keys that are no session."""
    return partition[:7] if len(partition) == len("2024-02-28") and last_day(partition) is not None else None

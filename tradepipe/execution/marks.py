"""Which close of a symbol was the newest one known at a given time."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

ALWAYS = dt.datetime.min.replace(tzinfo=dt.UTC)
"""Known for longer than anybody can ask back."""


class Close(NamedTuple):
    """A bar's close, price currency, and when it became known (UTC)."""

    known_at: dt.datetime
    price: Decimal


Closes = Mapping[str, Sequence[Close]]
"""Per symbol closes in the order of their bars. Each becomes known later than the one before it;
a close that is known no earlier than that of a later bar is never the newest known, and is left out."""


_known_at = attrgetter("known_at")


class KnownMarks:
    """Closes as they become known. A close that comes late never hides that of a later bar."""

    def __init__(self) -> None:
        self._closes: dict[str, list[Close]] = {}

    def add(self, closes: Closes) -> None:
        """Add closes of bars that are later than all added before; adding them again changes nothing."""
        for symbol, added in closes.items():
            kept = self._closes.setdefault(symbol, [])
            while kept and kept[-1].known_at >= added[0].known_at:
                kept.pop()
            kept.extend(added)

    def at(self, moment: dt.datetime) -> dict[str, Decimal]:
        """Per symbol the newest close that was known at `moment`; symbols without one are missing."""
        result = {}
        for symbol, closes in self._closes.items():
            known = bisect_right(closes, moment, key=_known_at)
            if known:
                result[symbol] = closes[known - 1].price
        return result


def known_later(closes: Closes, decided_at: dt.datetime | None) -> Closes:
    """The symbols whose last close was not known at `decided_at`; all, if there was no decision."""
    return {symbol: some for symbol, some in closes.items() if decided_at is None or some[-1].known_at > decided_at}

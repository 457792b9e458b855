"""Which close of a symbol was the newest one known at a given time."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
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


class KnownMarks:
    """Closes as they become known. A close that comes late never hides that of a later bar."""

    def __init__(self) -> None:
        self._closes: dict[str, list[Close]] = {}

    def add(self, closes: Closes) -> None:
        """Add closes of bars that are later than all added before; adding them again changes nothing."""
        for symbol, added in closes.items():
            kept = [close for close in self._closes.get(symbol, []) if close.known_at < added[0].known_at]
            self._closes[symbol] = [*kept, *added]

    def at(self, moment: dt.datetime) -> dict[str, Decimal]:
        """Per symbol the newest close that was known at `moment`; symbols without one are missing."""
        result = {}
        for symbol, closes in self._closes.items():
            newest = next((close.price for close in reversed(closes) if close.known_at <= moment), None)
            if newest is not None:
                result[symbol] = newest
        return result


def known_later(closes: Closes, decided_at: dt.datetime | None) -> Closes:
    """The symbols whose last close was not known at `decided_at`; all, if there was no decision."""
    return {symbol: some for symbol, some in closes.items() if decided_at is None or some[-1].known_at > decided_at}

"""Numbers as people read them. What is unknown, undefined or not finite is a dash, never NaN."""

import math
from decimal import Decimal

UNKNOWN = "\N{EN DASH}"

Number = float | int | Decimal | None


def _finite(value: Number) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def count(value: Number) -> str:
    """Whole number with thousands separated: 12,345."""
    known = _finite(value)
    return UNKNOWN if known is None else f"{known:,.0f}"


def number(value: Number, places: int = 2) -> str:
    """Number with a fixed number of decimal places, thousands separated."""
    known = _finite(value)
    return UNKNOWN if known is None else _signless_zero(f"{known:,.{places}f}")


def price(value: Number) -> str:
    """A price to five digits or so, and at least to whole units: 2,506.9; 0.071234."""
    known = _finite(value)
    if known is None or known == 0:
        return number(value, 0)
    return number(known, max(4 - math.floor(math.log10(abs(known))), 0))


def percent(value: Number, places: int = 1, *, signed: bool = False) -> str:
    """A fraction as per cent: 0.0123 is 1.2 %; `signed` writes the plus of a gain."""
    known = _finite(value)
    if known is None:
        return UNKNOWN
    text = _signless_zero(f"{100 * known:,.{places}f}")
    return f"{'+' if signed and known > 0 and text.strip('0.,') else ''}{text} %"


def p_value(value: Number) -> str:
    """A probability to three places, the small ones as a bound."""
    known = _finite(value)
    if known is None:
        return UNKNOWN
    return "< 0.001" if known < 0.001 else f"{known:.3f}"


def plural(value: int, one: str, many: str | None = None) -> str:
    """`1 order`, `2 orders`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def _signless_zero(text: str) -> str:
    """-0.0 says no more than 0.0."""
    return text.removeprefix("-") if not text.strip("-0.,") else text

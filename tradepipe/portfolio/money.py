"""Exact money: Decimal with eight places, and the one place where floats become money.

Eight places are what the contracts of orders, fills and positions hold (`Decimal(38, 8)`) and the
finest unit that the usual venues quote. Every function uses its own decimal context, so that no
library's change of the thread's context can change an amount.
"""

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

QUANTUM = Decimal("0.00000001")
ZERO = Decimal("0.00000000")
BPS = Decimal(10_000)

# 60 digits: a product of two amounts of 38 digits' contract width is still exact in practice.
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def quantise(value: Decimal) -> Decimal:
    """`value` to eight places, ties to even. Zero is never negative.

    Raises:
        decimal.InvalidOperation: for NaN, infinity or more than 60 digits.
    """
    return _CONTEXT.add(value.quantize(QUANTUM, context=_CONTEXT), ZERO)


def from_float(value: float) -> Decimal:
    """The money that a float stands for: its shortest decimal text, to eight places.

    `repr` gives the shortest text that reads back as the same float, so 0.1 becomes 0.1 and not
    0.1000000000000000055…; rounding to eight places then drops noise in a float's last bits.

    Raises:
        ValueError: for NaN or infinity.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is no amount: a finite number is expected")
    return quantise(Decimal(repr(float(value))))


def product(left: Decimal, right: Decimal) -> Decimal:
    """`left * right`, rounded once, to eight places."""
    return quantise(_CONTEXT.multiply(left, right))


def total(*amounts: Decimal) -> Decimal:
    """The sum of `amounts`, to eight places."""
    result = ZERO
    for amount in amounts:
        result = _CONTEXT.add(result, amount)
    return quantise(result)


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`amount * part / whole`, rounded once, to eight places.

    Raises:
        decimal.DivisionByZero: if `whole` is zero.
    """
    return quantise(_CONTEXT.divide(_CONTEXT.multiply(amount, part), whole))


def ratio(numerator: Decimal, denominator: Decimal) -> Decimal:
    """`numerator / denominator`, to eight places.

    Raises:
        decimal.DivisionByZero: if the denominator is zero.
    """
    return quantise(_CONTEXT.divide(numerator, denominator))


def in_bps(amount: Decimal, bps: Decimal) -> Decimal:
    """`bps` basis points of `amount`, to eight places."""
    return quantise(_CONTEXT.divide(_CONTEXT.multiply(amount, bps), BPS))


def to_lot(quantity: Decimal, lot: Decimal) -> Decimal:
    """`quantity` cut to whole lots, toward zero, so that rounding never adds exposure.

    Raises:
        ValueError: if the lot is not positive.
    """
    if lot <= 0:
        raise ValueError(f"lot {lot} is not positive")
    lots = _CONTEXT.divide(quantity, lot).to_integral_value(rounding=ROUND_DOWN)
    return quantise(_CONTEXT.multiply(lots, lot))


def money_text(value: Decimal) -> str:
    """The one text of an amount: eight places, no exponent; equal amounts have equal text."""
    return format(quantise(value), "f")

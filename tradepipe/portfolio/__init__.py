"""Portfolio: exact money, positions and the account as a fold over fills."""

from tradepipe.portfolio.account import Account, MissingMarkError, Position
from tradepipe.portfolio.money import QUANTUM, ZERO, from_float, in_bps, money_text, product, quantise, to_lot, total

__all__ = [
    "QUANTUM",
    "ZERO",
    "Account",
    "MissingMarkError",
    "Position",
    "from_float",
    "in_bps",
    "money_text",
    "product",
    "quantise",
    "to_lot",
    "total",
]

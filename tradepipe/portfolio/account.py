"""Positions and the account: a pure fold over fills, exact to the last place.

A position carries its *basis*, the money that its open quantity cost, instead of an average price:
a rounded average would make profit and cash disagree in the last places. With the basis,
`equity = initial cash + realised + unrealised - fees` holds exactly after any fills.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tradepipe.portfolio.money import ZERO, product, ratio, share, total


class MissingMarkError(LookupError):
    """An open position cannot be valued because no price of its symbol is known."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        super().__init__(
            f"no mark price for {symbol}, which has an open position. "
            "Remedy: pass bars that reach back to the symbol's last bar."
        )


@dataclass(frozen=True, slots=True)
class Position:
    """One symbol's position.

    `quantity` and `basis` are signed (negative when short); `realised_pnl` leaves fees out.
    """

    quantity: Decimal = ZERO
    basis: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    fees: Decimal = ZERO

    def after(self, quantity: Decimal, price: Decimal, fee: Decimal) -> "Position":
        """The position after a fill of `quantity` (negative when sold) at `price`.

        Closing realises the closed share of the basis; a fill through zero closes everything and
        opens the rest at the fill's price.
        """
        notional = product(quantity, price)
        held, fees = total(self.quantity, quantity), total(self.fees, fee)
        if self.quantity * quantity >= 0:
            return Position(held, total(self.basis, notional), self.realised_pnl, fees)
        if quantity.copy_abs() < self.quantity.copy_abs():
            closed_basis = share(self.basis, quantity.copy_abs(), self.quantity.copy_abs())
            realised = total(self.realised_pnl, notional.copy_negate(), closed_basis.copy_negate())
            return Position(held, total(self.basis, closed_basis.copy_negate()), realised, fees)
        closing = product(self.quantity.copy_negate(), price)
        realised = total(self.realised_pnl, closing.copy_negate(), self.basis.copy_negate())
        return Position(held, total(notional, closing.copy_negate()), realised, fees)

    @property
    def average_price(self) -> Decimal:
        """Average entry price, rounded to eight places; zero when flat."""
        return ratio(self.basis, self.quantity) if self.quantity else ZERO

    def exposure(self, mark: Decimal) -> Decimal:
        """Signed value at `mark`, price currency."""
        return product(self.quantity, mark)

    def unrealised_pnl(self, mark: Decimal) -> Decimal:
        """Profit of the open quantity at `mark`, price currency."""
        return total(self.exposure(mark), self.basis.copy_negate())


_FLAT = Position()


@dataclass(frozen=True, slots=True)
class Account:
    """Cash and positions of one trading account in one currency."""

    cash: Decimal
    positions: Mapping[str, Position] = field(default_factory=dict)

    def position(self, symbol: str) -> Position:
        """The symbol's position, flat if it was never traded."""
        return self.positions.get(symbol, _FLAT)

    def after(self, symbol: str, quantity: Decimal, price: Decimal, fee: Decimal) -> "Account":
        """The account after a fill of `quantity` (negative when sold) at `price` with `fee`."""
        cash = total(self.cash, product(quantity, price).copy_negate(), fee.copy_negate())
        positions = {**self.positions, symbol: self.position(symbol).after(quantity, price, fee)}
        return replace(self, cash=cash, positions=positions)

    def open_symbols(self) -> Iterator[str]:
        """Symbols with a position, sorted."""
        return (symbol for symbol in sorted(self.positions) if self.positions[symbol].quantity)

    def equity(self, marks: Mapping[str, Decimal]) -> Decimal:
        """Cash plus every open position at its mark, price currency.

        Raises:
            MissingMarkError: if an open position's symbol has no mark.
        """
        exposures = []
        for symbol in self.open_symbols():
            if symbol not in marks:
                raise MissingMarkError(symbol)
            exposures.append(self.positions[symbol].exposure(marks[symbol]))
        return total(self.cash, *exposures)

"""From intents to decisions: size, cost gate, risk gate. Pure; the numbers go to the journal.

One position per account and symbol: every intent for a symbol moves that position to its target.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from tradepipe.costs import CostVerdict, cost_gate, round_trip_cost_bps
from tradepipe.execution.canonical import told
from tradepipe.execution.model import Intent
from tradepipe.portfolio import ZERO, Account, MissingMarkError, money_text, product, to_lot, total
from tradepipe.portfolio.money import ratio
from tradepipe.risk import RiskVerdict, risk_gate, timeliness
from tradepipe.settings.models import CostSettings, RiskSettings

APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Rules:
    """What decisions are judged by.

    `lots` is the smallest quantity step per symbol, `lot_changes` its later ones by first session, ascending.
    """

    costs: CostSettings
    risk: RiskSettings
    lots: Mapping[str, Decimal]
    lot_changes: Mapping[str, Sequence[tuple[dt.date, Decimal]]] = field(default_factory=dict)

    def lot(self, symbol: str, session: dt.date) -> Decimal:
        """The quantity step of `symbol` as it was in `session`."""
        so_far = [lot for start, lot in self.lot_changes.get(symbol, ()) if start <= session]
        return so_far[-1] if so_far else self.lots[symbol]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the account looks like at a decision.

    `pending` is the signed quantity of orders not yet filled, `marks` the newest known close per symbol,
    `clock` the last finished session, `now` the time at which the account trades (UTC), `working`
    the symbols with an order of an earlier decision that may still fill.
    """

    account: Account
    pending: Mapping[str, Decimal]
    marks: Mapping[str, Decimal]
    clock: dt.date | None
    now: dt.datetime
    working: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sizing:
    """How the quantity came about: equity in price currency, quantities signed."""

    equity: Decimal
    position: Decimal
    pending: Decimal
    target: Decimal
    lot: Decimal


@dataclass(frozen=True, slots=True)
class Decision:
    """One leg of an intent with everything that was decided about it; `quantity` is signed."""

    intent: Intent
    code: str
    cost_bps: Decimal
    quantity: Decimal = ZERO
    sizing: Sizing | None = None
    cost: CostVerdict | None = None
    risk: RiskVerdict | None = None

    @property
    def approved(self) -> bool:
        return self.code == APPROVED

    def payload(self) -> dict[str, Any]:
        """The decision as the journal keeps it."""
        intent = self.intent
        return {
            "intent": intent.content,
            "content_hash": intent.content_hash,
            "known_at": told(intent)["known_at"],
            "source": told(intent.source) if intent.source else None,
            "code": self.code,
            "quantity": money_text(self.quantity),
            "cost_bps": money_text(self.cost_bps),
            "sizing": told(self.sizing) if self.sizing else None,
            "cost": told(self.cost) if self.cost else None,
            "risk": told(self.risk) if self.risk else None,
        }


def refuse(intent: Intent, code: str, rules: Rules) -> Decision:
    """A denial without sizing, such as `late`."""
    return Decision(intent, code, round_trip_cost_bps(rules.costs))


def decide(intents: Iterable[Intent], standing: Standing, rules: Rules) -> list[Decision]:
    """Decide the intents of one decision time: first every leg that reduces, then those that grow.

    So room that one symbol gives up is there for the others, whatever their names; within each
    group the order is symbol, then strategy. Each leg sees the ones approved before it as pending.

    An intent that turns a position to the other side becomes two legs, one that closes and one
    that opens, so that a want of edge for the new side never keeps the old one open. Every intent
    gives at least one decision, whose leg is its own.

    A symbol whose order of an earlier decision still works is left alone (`order_working`): whether
    that order fills is open, and an order sized as if it had could open what it was to close.

    Raises:
        tradepipe.portfolio.MissingMarkError: if an open position or pending order has no mark.
    """
    desk = _Desk(standing, rules)
    ordered = sorted(intents, key=lambda intent: (intent.symbol, intent.strategy, intent.revision, intent.leg))
    decisions: list[Decision] = []
    growing: list[Intent] = []
    for intent in ordered:
        reducing, rest = desk.reduce(intent)
        decisions.extend(reducing)
        growing.extend(rest)
    return [*decisions, *(decision for intent in growing for decision in desk.decide(intent))]


class _Desk:
    """Running totals of one decision time: pending quantities and absolute exposures."""

    def __init__(self, standing: Standing, rules: Rules) -> None:
        self._standing, self._rules = standing, rules
        self._equity = standing.account.equity(standing.marks)
        self._pending = dict(standing.pending)
        self._exposures = {symbol: self._exposure(symbol) for symbol in self._held_symbols()}
        self._gross = total(*self._exposures.values())

    def reduce(self, intent: Intent) -> tuple[list[Decision], list[Intent]]:
        """What can be decided of an intent without growing an exposure, and what is left of it."""
        code = self._obstacle(intent)
        if code is not None:
            return [refuse(intent, code, self._rules)], []
        held, stop, *further = _stops(self._held(intent.symbol), self._sizing(intent).target)
        if stop.copy_abs() > held.copy_abs():
            return [], [intent]
        left = [replace(intent, leg=intent.leg + 1)] if further else []
        return [self._leg(intent, stop)], left

    def decide(self, intent: Intent) -> list[Decision]:
        """The whole of an intent, or what `reduce` left of it."""
        stops = _stops(self._held(intent.symbol), self._sizing(intent).target)
        return [self._leg(replace(intent, leg=leg), stop) for leg, stop in enumerate(stops[1:], start=intent.leg)]

    def _obstacle(self, intent: Intent) -> str | None:
        standing = self._standing
        late = timeliness(session=intent.session, expires_at=intent.expires_at, clock=standing.clock, now=standing.now)
        if late is not None:
            return late
        if intent.symbol in standing.working:
            return "order_working"
        return "no_equity" if self._equity <= 0 and intent.target_weight != 0 else None

    def _held(self, symbol: str) -> Decimal:
        """The position as it will be, as far as it is decided."""
        return total(self._standing.account.position(symbol).quantity, self._pending.get(symbol, ZERO))

    def _sizing(self, intent: Intent) -> Sizing:
        symbol, lot = intent.symbol, self._rules.lot(intent.symbol, intent.session)
        wanted = ratio(product(intent.target_weight, self._equity), intent.reference_price)
        position = self._standing.account.position(symbol).quantity
        return Sizing(self._equity, position, self._pending.get(symbol, ZERO), to_lot(wanted, lot), lot)

    def _leg(self, intent: Intent, stop: Decimal) -> Decision:
        """Move the symbol's position to `stop`, if the gates let it."""
        costs, sizing = self._rules.costs, self._sizing(intent)
        symbol, price = intent.symbol, intent.reference_price
        held = self._held(symbol)
        change = to_lot(total(stop, held.copy_negate()), sizing.lot)
        cost_bps = round_trip_cost_bps(costs)
        if change == 0:
            return Decision(intent, "nothing_to_do", cost_bps, ZERO, sizing)
        before, after = product(held, price), product(total(held, change), price)
        others = total(self._gross, self._exposures.get(symbol, ZERO).copy_negate())
        cost = cost_gate(costs, edge_bps=intent.edge_bps, before=before, after=after, equity=self._equity)
        risk = risk_gate(self._rules.risk, before=before, after=after, gross_others=others, equity=self._equity)
        code = APPROVED if cost.passed and risk.passed else risk.code if cost.passed else cost.code
        if code == APPROVED:
            self._pending[symbol] = total(sizing.pending, change)
            self._exposures[symbol] = after.copy_abs()
            self._gross = total(others, after.copy_abs())
        return Decision(intent, code, cost_bps, change, sizing, cost, risk)

    def _held_symbols(self) -> set[str]:
        pending = {symbol for symbol, quantity in self._pending.items() if quantity}
        return pending | set(self._standing.account.open_symbols())

    def _exposure(self, symbol: str) -> Decimal:
        if symbol not in self._standing.marks:
            raise MissingMarkError(symbol)
        return product(self._held(symbol), self._standing.marks[symbol]).copy_abs()


def _stops(held: Decimal, target: Decimal) -> list[Decimal]:
    """The positions on the way from `held` to `target`: by way of zero if it changes sides."""
    return [held, ZERO, target] if held * target < 0 else [held, target]

"""The cost gate: no trade whose edge does not pay for its own way in and out.

Pure arithmetic in Decimal. Edge and cost are basis points of the traded notional, exposures are
signed amounts of the price currency.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Literal

from tradepipe.settings.models import CostSettings

CostCode = Literal["ok", "below_min_trade", "edge_below_cost"]
_SIDES = 2
# As in portfolio.money, which is no lower room: what a library does to the thread's context changes no verdict.
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class CostVerdict:
    """What the gate said and every number it looked at.

    `edge_bps`, `cost_bps` and `required_edge_bps` are basis points; `change` (always positive) and
    `min_change` are price currency.
    """

    code: CostCode
    edge_bps: Decimal
    cost_bps: Decimal
    required_edge_bps: Decimal
    change: Decimal
    min_change: Decimal

    @property
    def passed(self) -> bool:
        return self.code == "ok"


def round_trip_cost_bps(settings: CostSettings) -> Decimal:
    """Expected cost of opening and closing, basis points of notional: fee and slippage on both sides."""
    with localcontext(_EXACT):
        return _SIDES * (settings.fee_bps + settings.slippage_bps)


def cost_gate(
    settings: CostSettings, *, edge_bps: Decimal, before: Decimal, after: Decimal, equity: Decimal
) -> CostVerdict:
    """Judge a change of a symbol's exposure from `before` to `after`.

    - A change smaller than `min_trade_weight` of equity is `below_min_trade`, unless it ends at zero.
    - An exposure that grows, or turns to the other side, needs an edge of at least
      `min_edge_over_cost` times the round trip, else it is `edge_below_cost`.
    - A reduction needs no edge.
    """
    cost = round_trip_cost_bps(settings)
    with localcontext(_EXACT):
        required = settings.min_edge_over_cost * cost
        change, min_change = abs(after - before), settings.min_trade_weight * equity
        grows = abs(after) > abs(before) or after * before < 0
    code: CostCode = "ok"
    if change < min_change and after != 0:
        code = "below_min_trade"
    elif grows and edge_bps < required:
        code = "edge_below_cost"
    return CostVerdict(code, edge_bps, cost, required, change, min_change)

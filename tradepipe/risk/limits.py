"""The risk gate: limits per order, per symbol and over all symbols, and timeliness of an intent.

Orders are denied, never clipped: a clipped order is one that nobody decided on. Exposures are
signed amounts of the price currency that include orders not yet filled, so that two orders of one
session cannot pass a limit that both together break.

An approved order counts as filled. So a sell makes room for a buy of the same decision; if the sell
then does not fill and the buy does, gross exposure stays above its limit until the sell has filled
or a later decision reduces it. The limits bind what is decided, not what the market lets happen.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Literal

from tradepipe.settings.models import RiskSettings

RiskCode = Literal["ok", "no_equity", "order_notional_limit", "symbol_limit", "gross_limit"]
LateCode = Literal["late", "expired"]
# As in portfolio.money, which is no lower room: what a library does to the thread's context changes no verdict.
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class RiskVerdict:
    """What the gate said and every number it looked at; amounts in price currency."""

    code: RiskCode
    reduction: bool
    order_notional: Decimal
    order_notional_limit: Decimal
    symbol_exposure: Decimal
    symbol_limit: Decimal
    gross_exposure: Decimal
    gross_limit: Decimal

    @property
    def passed(self) -> bool:
        return self.code == "ok"


def risk_gate(
    settings: RiskSettings, *, before: Decimal, after: Decimal, gross_others: Decimal, equity: Decimal
) -> RiskVerdict:
    """Judge an order that moves its symbol's exposure from `before` to `after`.

    Args:
        settings: the limits; exposures as fractions of equity, order notional in price currency.
        before: signed exposure of the symbol, pending orders included.
        after: the same with the order filled at its reference price.
        gross_others: sum of absolute exposures of all other symbols, pending orders included.
        equity: account equity at the decision's marks.

    A reduction (smaller exposure on the same side, or none) always passes: a breached limit must
    never keep a position open. For the rest the first broken limit is the code, in the order
    `no_equity`, `order_notional_limit`, `symbol_limit`, `gross_limit`. A limit may be reached exactly.
    """
    with localcontext(_EXACT):
        notional, exposure = abs(after - before), abs(after)
        gross = gross_others + exposure
        symbol_limit, gross_limit = settings.max_symbol_exposure * equity, settings.max_gross_exposure * equity
        reduction = exposure <= abs(before) and after * before >= 0
    code: RiskCode = "ok"
    if not reduction:
        if equity <= 0:
            code = "no_equity"
        elif notional > settings.max_order_notional:
            code = "order_notional_limit"
        elif exposure > symbol_limit:
            code = "symbol_limit"
        elif gross > gross_limit:
            code = "gross_limit"
    return RiskVerdict(
        code, reduction, notional, settings.max_order_notional, exposure, symbol_limit, gross, gross_limit
    )


def timeliness(
    *, session: dt.date, expires_at: dt.datetime, clock: dt.date | None, now: dt.datetime
) -> LateCode | None:
    """Why an intent must not be traded any more, or None.

    `late`: its session is not after `clock`, the last session that the account has finished.
    `expired`: at `now` (UTC, the time the account is trading at) its time to live is over.
    """
    if clock is not None and session <= clock:
        return "late"
    return "expired" if now >= expires_at else None

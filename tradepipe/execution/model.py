"""The words of the trading core: intents, orders, fills. All amounts are Decimal, all times UTC."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any

from tradepipe.execution.canonical import canonical, sha256_of, told
from tradepipe.execution.ids import Identity, client_order_id


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "buy"
    SELL = "sell"

    @classmethod
    def of(cls, quantity: Decimal) -> "Side":
        """The side of a signed quantity."""
        return cls.BUY if quantity > 0 else cls.SELL

    def signed(self, quantity: Decimal) -> Decimal:
        """`quantity` as a change of position."""
        return quantity if self is Side.BUY else quantity.copy_negate()


class OrderState(StrEnum):
    """Where an order is; the words of `tradepipe.contracts.ORDER_STATES`."""

    DENIED = "DENIED"
    INTENT = "INTENT"
    SENDING = "SENDING"
    UNKNOWN = "UNKNOWN"
    ACK = "ACK"
    REJECTED = "REJECTED"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"

    @property
    def is_final(self) -> bool:
        """Nothing more is asked of the venue in this state."""
        return self in _FINAL


_FINAL = frozenset(
    {OrderState.DENIED, OrderState.REJECTED, OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED}
)


@dataclass(frozen=True, slots=True)
class SignalSource:
    """The published generation that a signal was read from."""

    dataset: str
    partition: str
    generation: int
    content: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where intents of a market go."""

    market: str
    account: str
    venue: str


@dataclass(frozen=True)
class Intent:
    """What a signal asks for, before cost and risk.

    `target_weight` is a fraction of equity, `edge_bps` and `volatility_bps` are basis points over
    `horizon` bars, `reference_price` is the close at the decision.
    """

    market: str
    account: str
    venue: str
    strategy: str
    symbol: str
    session: dt.date
    decided_at: dt.datetime
    target_weight: Decimal
    edge_bps: Decimal
    volatility_bps: Decimal
    score: Decimal
    reference_price: Decimal
    horizon: int
    model: str
    expires_at: dt.datetime
    known_at: dt.datetime
    source: SignalSource | None = None
    leg: int = 0
    revision: int = 0

    @cached_property
    def client_order_id(self) -> str:
        """The deterministic id of this decision: see `tradepipe.execution.ids`."""
        return client_order_id(Identity(**{name: getattr(self, name) for name in Identity._fields}))

    @cached_property
    def content(self) -> dict[str, Any]:
        """What the intent says, as JSON values.

        Where it was read from and when its inputs were known are left out: the same wish in a newer
        generation of the same partition is no new wish.
        """
        return {name: value for name, value in told(self).items() if name not in {"source", "known_at"}}

    @cached_property
    def content_hash(self) -> str:
        """sha256 of the canonical content, hexadecimal."""
        return sha256_of(canonical(self.content))


@dataclass(frozen=True, slots=True)
class Order:
    """A market order as it goes to a venue; `quantity` is positive and a multiple of `lot`.

    It may fill from `fills_from` on and is void at `expires_at`. In a replay `fills_from` is the
    decision; an order that is sent later than that, by the clock of a live market, may not fill at
    a price that was past when it was sent.
    """

    client_order_id: str
    market: str
    account: str
    symbol: str
    side: Side
    quantity: Decimal
    lot: Decimal
    session: dt.date
    decided_at: dt.datetime
    fills_from: dt.datetime
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `price` holds the slippage; `slippage` is its cost in price currency."""

    venue: str
    fill_id: str
    client_order_id: str
    symbol: str
    session: dt.date
    filled_at: dt.datetime
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    slippage: Decimal

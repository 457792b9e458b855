"""Contracts of the trading layers, projected from the order journal. Money is decimal."""

import polars as pl

from tradepipe.contracts.model import MONEY, UTC, Column, Contract, Rule

ORDER_STATES = (
    "DENIED",
    "INTENT",
    "SENDING",
    "UNKNOWN",
    "ACK",
    "REJECTED",
    "PARTIAL",
    "FILLED",
    "CANCELLED",
    "EXPIRED",
)
SIDES = ("buy", "sell")

_SYMBOL = Column("symbol", pl.String, "symbol within the market's universe")
_ORDER_ID = Column("client_order_id", pl.String, "our deterministic order id: 28 letters and digits")

ORDERS = Contract(
    name="orders",
    version="1",
    description="Every intent that reached the trading core and what became of it, with the reason when denied.",
    key=("symbol", "decided_at", "client_order_id"),
    columns=(
        _SYMBOL,
        Column("session", pl.Date, "session of the decision"),
        Column("decided_at", UTC, "decision time of the intent", unit="UTC"),
        Column("strategy", pl.String, "strategy that asked"),
        _ORDER_ID,
        Column("state", pl.String, "state as of the partition's end", allowed=ORDER_STATES),
        Column("reason", pl.String, "why it was denied, rejected or expired; null otherwise", nullable=True),
        Column("side", pl.String, "buy or sell; null when no quantity was wanted", allowed=SIDES, nullable=True),
        Column(
            "quantity",
            MONEY,
            "quantity ordered, always positive; 0 when denied before sizing",
            unit="shares or base units",
            minimum=0,
        ),
        Column(
            "reference_price", MONEY, "price the order was sized at", unit="price currency", minimum=0, exclusive=True
        ),
        Column(
            "target_weight",
            pl.Float64,
            "exposure the intent asked for",
            unit="fraction of equity",
            minimum=-1,
            maximum=1,
        ),
        Column("edge_bps", pl.Float64, "edge the intent claimed", unit="basis points"),
        Column("cost_bps", pl.Float64, "expected round-trip cost", unit="basis points", minimum=0),
        Column("conflict", pl.Boolean, "the same id came again with other content; the first one stands"),
        Column("signal_sha256", pl.String, "content hash of the intent, hexadecimal"),
    ),
    rules=(
        Rule(
            "order_id_malformed",
            pl.col("client_order_id").str.contains("^tp[a-z2-7]{26}$"),
            "tp and 26 base-32 characters",
        ),
    ),
)

FILLS = Contract(
    name="fills",
    version="1",
    description="What the venue filled, in the partition of the fill time.",
    key=("symbol", "filled_at", "fill_id"),
    columns=(
        _SYMBOL,
        Column("session", pl.Date, "session of the fill"),
        Column("filled_at", UTC, "time of the fill", unit="UTC"),
        Column("fill_id", pl.String, "the venue's id of the fill"),
        _ORDER_ID,
        Column("side", pl.String, "buy or sell", allowed=SIDES),
        Column("quantity", MONEY, "quantity filled", unit="shares or base units", minimum=0, exclusive=True),
        Column(
            "price",
            MONEY,
            "price paid or received, slippage included",
            unit="price currency",
            minimum=0,
            exclusive=True,
        ),
        Column("fee", MONEY, "fee charged", unit="price currency", minimum=0),
        Column("slippage", MONEY, "cost of slippage against the bar's open", unit="price currency", minimum=0),
    ),
)

POSITIONS = Contract(
    name="positions",
    version="1",
    description="Positions and account at each session's close: a fold over fills, marked at the close.",
    key=("symbol", "session"),
    columns=(
        _SYMBOL,
        Column("session", pl.Date, "session at whose close the position is marked"),
        Column("quantity", MONEY, "position, negative when short", unit="shares or base units"),
        Column(
            "mark_price", MONEY, "close the position is marked at", unit="price currency", minimum=0, exclusive=True
        ),
        Column("exposure", MONEY, "quantity times mark", unit="price currency"),
        Column("average_price", MONEY, "average entry price; 0 when flat", unit="price currency", minimum=0),
        Column(
            "realised_pnl", MONEY, "profit of closed quantity since the start, fees excluded", unit="price currency"
        ),
        Column("unrealised_pnl", MONEY, "profit of the open quantity at the mark", unit="price currency"),
        Column("fees", MONEY, "fees paid since the start", unit="price currency", minimum=0),
        Column(
            "cash", MONEY, "cash of the whole account, the same for all symbols of a session", unit="price currency"
        ),
        Column("equity", MONEY, "cash plus all exposure, the same for all symbols of a session", unit="price currency"),
    ),
)

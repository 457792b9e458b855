"""Contracts of what perpetual futures have beside bars: funding, mark prices, open interest, order books."""

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract, Rule

_SYMBOL = Column("symbol", pl.String, "symbol within the market's universe")
_SESSION = Column("session", pl.Date, "UTC date: these markets never close")
_KNOWN_AT = Column("known_at", UTC, "when the system could first have known the row", unit="UTC")
_FILE = Column("file", pl.String, "landing file, relative to the landing folder")

OFF_SCHEDULE_MS = 60_000
"""A payment further from a full hour than this was not made on schedule."""

FUNDING = Contract(
    name="funding",
    version="1",
    description=(
        "Funding payments of perpetual futures. Venues stamp them some milliseconds late: join on scheduled_at, "
        "which is the full hour they were due at."
    ),
    key=("symbol", "scheduled_at"),
    columns=(
        _SYMBOL,
        _SESSION,
        Column("scheduled_at", UTC, "full hour the payment was due at; usually 00:00, 08:00 and 16:00", unit="UTC"),
        Column("paid_at", UTC, "the venue's own time of the payment, to the millisecond", unit="UTC"),
        Column(
            "rate",
            pl.Float64,
            "fraction of the position's notional; where positive, longs pay shorts",
            unit="fraction a payment",
            minimum=-1,
            maximum=1,
        ),
        _KNOWN_AT,
        _FILE,
    ),
    rules=(
        Rule(
            "off_schedule",
            (pl.col("paid_at") - pl.col("scheduled_at")).dt.total_milliseconds().abs() <= OFF_SCHEDULE_MS,
            "the payment was made within a minute of a full hour",
        ),
    ),
)

MARK_PRICES = Contract(
    name="mark_prices",
    version="1",
    description="Bars of the mark price, which decides funding and liquidation. It is not traded and has no volume.",
    key=("symbol", "open_time"),
    columns=(
        _SYMBOL,
        Column("interval", pl.String, "length of the bar", allowed=("1m", "5m", "15m", "1h", "4h", "8h", "1d")),
        _SESSION,
        Column("open_time", UTC, "start of the bar, inclusive", unit="UTC"),
        Column("close_time", UTC, "end of the bar, exclusive", unit="UTC"),
        *[
            Column(name, pl.Float64, f"{told} mark price", unit="price currency", minimum=0, exclusive=True)
            for name, told in (("open", "first"), ("high", "highest"), ("low", "lowest"), ("close", "last"))
        ],
        _KNOWN_AT,
        _FILE,
    ),
    rules=(
        Rule("high_below_low", pl.col("high") >= pl.col("low"), "high is not below low"),
        Rule(
            "outside_of_range",
            (pl.max_horizontal("open", "close") <= pl.col("high"))
            & (pl.min_horizontal("open", "close") >= pl.col("low")),
            "open and close lie between low and high",
        ),
    ),
)

OPEN_INTEREST = Contract(
    name="open_interest",
    version="1",
    description="Contracts of perpetual futures that are open, as the venue counted them at regular moments.",
    key=("symbol", "taken_at"),
    columns=(
        _SYMBOL,
        _SESSION,
        Column("taken_at", UTC, "the moment the venue counted at, or the end of the period it names", unit="UTC"),
        Column("open_interest", pl.Float64, "contracts open, one side counted", unit="base units", minimum=0),
        _KNOWN_AT,
        _FILE,
    ),
)

BOOKS = Contract(
    name="books",
    version="1",
    description="Snapshots of order books, a row a level.",
    key=("symbol", "taken_at", "side", "level"),
    columns=(
        _SYMBOL,
        _SESSION,
        Column("taken_at", UTC, "the venue's time of the snapshot", unit="UTC"),
        Column("sequence", pl.String, "the venue's number of the book's state, where it has one", nullable=True),
        Column("side", pl.String, "side of the book", allowed=("ask", "bid")),
        Column("level", pl.Int64, "0 is the best price of its side", minimum=0),
        Column("price", pl.Float64, "price of the level", unit="price currency", minimum=0, exclusive=True),
        Column("quantity", pl.Float64, "quantity offered or wanted there", unit="base units or contracts", minimum=0),
        _KNOWN_AT,
        _FILE,
    ),
)

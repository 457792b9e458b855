"""A small world to trade in: two symbols, forty sessions, prices and wishes from a seeded generator."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl
import sqlalchemy as sa

from tradepipe.contracts import BARS, SIGNALS
from tradepipe.execution import ExecutionReport, Journal, SignalSource, execute
from tradepipe.execution.ledger import Ledger
from tradepipe.execution.venues import PaperVenue
from tradepipe.execution.venues.tables import orders as venue_orders
from tradepipe.execution.venues.tables import reports as venue_reports
from tradepipe.settings.models import ExecutionSettings, MarketSettings
from tradepipe.settings.sources import FileSource

FIRST = dt.date(2018, 1, 1)
SYMBOLS = ("AAA", "BBB")
SESSIONS = 40
MARKET = MarketSettings(
    name="paper_town",
    description="A market for tests",
    currency="USD",
    calendar="24/7",
    interval="1d",
    partition="month",
    start=FIRST,
    universe="paper_town",
    source=FileSource(pattern="paper_town/*.csv"),
    indicators=("returns",),
    execution=ExecutionSettings(initial_cash=Decimal(100_000)),
)


@dataclass(frozen=True)
class Stock:
    """An instrument as far as execution needs it."""

    symbol: str
    lot: Decimal = Decimal("0.01")


STOCKS = tuple(Stock(symbol) for symbol in SYMBOLS)


def opening(session: dt.date) -> dt.datetime:
    return dt.datetime.combine(session, dt.time(14, 30), dt.UTC)


def decision(session: dt.date) -> dt.datetime:
    return dt.datetime.combine(session, dt.time(21, 30), dt.UTC)


def sessions(count: int = SESSIONS) -> list[dt.date]:
    return [FIRST + dt.timedelta(days=day) for day in range(count)]


def make_bars(count: int = SESSIONS, seed: int = 1) -> pl.DataFrame:
    """Daily bars of every symbol: a random walk from 100."""
    generator = np.random.default_rng(seed)
    frames = []
    for symbol in SYMBOLS:
        close = np.round(100 * np.exp(np.cumsum(generator.normal(0, 0.01, count))), 2)
        begin = np.round(close * np.exp(generator.normal(0, 0.003, count)), 2)
        days = sessions(count)
        frames.append(
            pl.DataFrame(
                {
                    "symbol": [symbol] * count,
                    "interval": ["1d"] * count,
                    "session": days,
                    "open_time": [opening(day) for day in days],
                    "close_time": [opening(day) + dt.timedelta(hours=6, minutes=30) for day in days],
                    "open": begin,
                    "high": np.maximum(begin, close) + 0.5,
                    "low": np.minimum(begin, close) - 0.5,
                    "close": close,
                    "volume": [1000.0] * count,
                    "quality": ["ok"] * count,
                    "known_at": [opening(day) + dt.timedelta(hours=7) for day in days],
                },
                schema_overrides=BARS.polars_schema,
            )
        )
    return BARS.arrange(pl.concat(frames))


def make_signals(bars: pl.DataFrame, seed: int = 2) -> pl.DataFrame:
    """A wish per bar: mostly none or a weight from a short list, with edges on both sides of the cost."""
    generator = np.random.default_rng(seed)
    weights = generator.choice([0.0, 0.2, 0.45, -0.3], bars.height)
    return signals_from(bars, weights.tolist(), generator.uniform(1, 20, bars.height).tolist())


def signals_from(bars: pl.DataFrame, weights: list[float], edges: list[float]) -> pl.DataFrame:
    decided = pl.col("session").dt.combine(dt.time(21, 30)).dt.replace_time_zone("UTC").dt.cast_time_unit("us")
    frame = bars.select(
        "symbol",
        "session",
        decided.alias("decided_at"),
        pl.lit("forecast_over_volatility").alias("strategy"),
        pl.lit(5, pl.Int32).alias("horizon"),
        pl.lit("arma_garch").alias("model"),
        pl.lit(0.1).alias("score"),
        pl.Series("target_weight", weights),
        pl.Series("edge_bps", edges),
        pl.lit(150.0).alias("volatility_bps"),
        pl.col("close").alias("reference_price"),
        (decided + dt.timedelta(days=5)).alias("expires_at"),
        "known_at",
    )
    return SIGNALS.arrange(frame)


def wishing(bars: pl.DataFrame, wishes: dict[tuple[str, int], float], edge: float = 50.0) -> pl.DataFrame:
    """Signals for the named (symbol, session number) only."""
    numbered = bars.with_columns((pl.col("session") - FIRST).dt.total_days().alias("number"))
    rows = [numbered.filter(pl.col("symbol") == symbol, pl.col("number") == number) for symbol, number in wishes]
    chosen = pl.concat(rows).drop("number")
    return signals_from(chosen, list(wishes.values()), [edge] * len(wishes))


def lineage(count: int = SESSIONS) -> dict[dt.date, SignalSource]:
    return {day: SignalSource("paper_town/signals", f"{day:%Y-%m}", 7, "c" * 64) for day in sessions(count)}


class Scene:
    """Journal and venue at two addresses, and the world to trade."""

    def __init__(self, journal_url: str, venue_url: str, *, market: MarketSettings = MARKET) -> None:
        self.journal_url, self.venue_url, self.market = journal_url, venue_url, market
        self.bars = make_bars()
        self.signals = make_signals(self.bars)
        self.journal = Journal.open(journal_url)
        self.venue = PaperVenue.open(
            venue_url, market=market.name, account=market.execution.account, costs=market.execution.costs
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.close()
        self.venue.close()

    def execute(
        self, signals: pl.DataFrame | None = None, bars: pl.DataFrame | None = None, **more: Any
    ) -> ExecutionReport:
        arguments: dict[str, Any] = {
            "market": self.market,
            "instruments": STOCKS,
            "journal": self.journal,
            "venue": self.venue,
            "run_id": "run-1",
            **more,
        }
        return execute(self.signals if signals is None else signals, self.bars if bars is None else bars, **arguments)

    def ledger(self) -> Ledger:
        return Ledger.load(self.journal, self.market.name, self.market.execution.account)

    def venue_orders(self) -> list[str]:
        """Client order ids in the venue's book, in the order in which it accepted them."""
        with self.venue.engine.connect() as connection:
            return list(connection.scalars(sa.select(venue_orders.c.client_order_id).order_by(venue_orders.c.number)))

    def venue_fills(self) -> dict[str, tuple[str, str, str]]:
        """Fill id -> order, price and fee, as the venue has them."""
        with self.venue.engine.connect() as connection:
            found = connection.execute(sa.select(venue_reports).where(venue_reports.c.kind == "FILL"))
            return {row.fill_id: (row.client_order_id, row.price, row.fee) for row in found}

    def journal_fills(self) -> dict[str, tuple[str, str, str]]:
        """Fill id -> order, price and fee, as the journal has them."""
        payloads = [row.entry.payload for row in self.journal.rows() if row.entry.kind == "FILL"]
        return {one["fill_id"]: (one["client_order_id"], one["price"], one["fee"]) for one in payloads}

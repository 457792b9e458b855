"""What a report is made of: the frames of one market's chain, as published."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from tradepipe.contracts import (
    BARS,
    EVALUATION_LOSSES,
    EVALUATIONS,
    FILLS,
    FORECAST_SCORES,
    FORECASTS,
    ORDERS,
    POSITIONS,
    QUARANTINE,
    SIGNALS,
)
from tradepipe.forecasting import accuracy
from tradepipe.reporting.performance import SESSIONS_PER_YEAR

GENERATIONS = pl.Schema(
    {"layer": pl.String, "partition": pl.String, "generation": pl.Int64, "rows": pl.Int64, "content": pl.String}
)
"""One row a current generation: layer, partition, its number in the catalogue, rows, content hash."""


DECIDED_ON = ("symbol", "known_at", "model", "mean_return", "weight")
SYMBOLS_PLOTTED = 4
SYMBOLS_JUDGED = 10
"""Symbols up to which each is judged by itself; more are judged together."""


@dataclass(frozen=True)
class ReportData:
    """One market's published frames and the few settings needed to read them. Any frame may be empty.

    Args:
        market: name of the market.
        description: the market in a few words.
        currency: ISO code of prices and equity.
        model: forecasting model that the signals rest on.
        horizon: bars ahead that the signals rest on.
        generations: what the frames were read from, columns as `GENERATIONS`.
        forecasts: FORECASTS of the symbols that are plotted.
        scores: FORECAST_SCORES of the symbols that are judged one by one; none of a large universe.
        accuracy: `tradepipe.forecasting.accuracy` of those scores.
        evaluations: EVALUATIONS of all symbols, `fold`ed.
        by_regime: EVALUATIONS added up over symbols, regime by regime.
        losses: EVALUATION_LOSSES.
        decided_on: symbol, known_at, model, mean_return and weight of the forecasts behind the filled orders.
        regimes: symbol to the regime of its newest bar.
        quarantine: refused rows of all layers (QUARANTINE contract).
        initial_equity: what the account held before its first session, price currency.
        sessions_per_year: 252 for an exchange, 365 for a market that never closes.
        remark: a sentence of the caller's for the header, e.g. when the report was made.
    """

    market: str
    description: str
    currency: str
    model: str
    horizon: int
    generations: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=GENERATIONS))
    bars: pl.DataFrame = field(default_factory=BARS.empty)
    forecasts: pl.DataFrame = field(default_factory=FORECASTS.empty)
    scores: pl.DataFrame = field(default_factory=FORECAST_SCORES.empty)
    accuracy: pl.DataFrame = field(default_factory=lambda: accuracy(FORECAST_SCORES.empty()))
    evaluations: pl.DataFrame = field(default_factory=EVALUATIONS.empty)
    by_regime: pl.DataFrame = field(default_factory=EVALUATIONS.empty)
    losses: pl.DataFrame = field(default_factory=EVALUATION_LOSSES.empty)
    decided_on: pl.DataFrame = field(default_factory=lambda: FORECASTS.empty().select(DECIDED_ON))
    regimes: Mapping[str, str] = field(default_factory=dict)
    signals: pl.DataFrame = field(default_factory=SIGNALS.empty)
    orders: pl.DataFrame = field(default_factory=ORDERS.empty)
    fills: pl.DataFrame = field(default_factory=FILLS.empty)
    positions: pl.DataFrame = field(default_factory=POSITIONS.empty)
    quarantine: pl.DataFrame = field(default_factory=QUARANTINE.empty)
    initial_equity: float | None = None
    sessions_per_year: float = SESSIONS_PER_YEAR
    remark: str = ""

    @property
    def symbols(self) -> list[str]:
        """Symbols that have bars, by name."""
        return self.bars["symbol"].unique().sort().to_list()

"""Contract of the signals: what a strategy wants to hold."""

import polars as pl

from tradepipe.contracts.forecasts import SYMBOL
from tradepipe.contracts.model import UTC, Column, Contract, Rule

SIGNALS = Contract(
    name="signals",
    version="1",
    description="What a strategy wants to hold, with the edge it expects: one intent per symbol, strategy and session.",
    key=("symbol", "decided_at", "strategy"),
    columns=(
        SYMBOL,
        Column("session", pl.Date, "session at whose close the decision is made"),
        Column("decided_at", UTC, "decision time; only rows known by then were used", unit="UTC"),
        Column("strategy", pl.String, "strategy that asks"),
        Column("horizon", pl.Int32, "bars over which the edge is expected", unit="bars", minimum=1),
        Column("model", pl.String, "forecast model the decision rests on: a member, or ensemble"),
        Column("score", pl.Float64, "expected return over the horizon divided by its volatility"),
        Column("target_weight", pl.Float64, "exposure wanted", unit="fraction of equity", minimum=-1, maximum=1),
        Column(
            "edge_bps", pl.Float64, "expected return of the position over the horizon, before cost", unit="basis points"
        ),
        Column(
            "volatility_bps", pl.Float64, "volatility over the horizon", unit="basis points", minimum=0, exclusive=True
        ),
        Column(
            "reference_price", pl.Float64, "close at the decision", unit="price currency", minimum=0, exclusive=True
        ),
        Column("expires_at", UTC, "after this an unsent intent is void", unit="UTC"),
        Column("known_at", UTC, "when the newest input could first have been known", unit="UTC"),
    ),
    rules=(
        Rule("uses_the_future", pl.col("known_at") <= pl.col("decided_at"), "every input was known at the decision"),
        Rule("expired_at_birth", pl.col("expires_at") > pl.col("decided_at"), "the intent outlives its decision"),
    ),
)

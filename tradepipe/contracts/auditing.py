"""Contract of the nightly look at fits by peer libraries."""

import polars as pl

from tradepipe.contracts.forecasts import SYMBOL
from tradepipe.contracts.model import Column, Contract, Rule

FORECAST_AUDIT = Contract(
    name="forecast_audit",
    version="2",
    description=(
        "Fits of a few symbols, drawn by the partition's name, beside what statsmodels and arch reach on the same "
        "returns; what the residuals still know; and how wrong the partition's forecasts were, once that is known."
    ),
    key=("symbol", "model", "equation"),
    columns=(
        SYMBOL,
        Column("model", pl.String, "the member"),
        Column("equation", pl.String, "which of its two", allowed=("mean", "variance")),
        Column("spec", pl.String, "what was fitted"),
        Column("session", pl.Date, "session after whose close it was fitted: the partition's newest refit"),
        Column("engine", pl.String, "that fitted", allowed=("batched", "reference", "samossa", "baseline")),
        Column("fallback", pl.String, "why no engine further up the ladder did", nullable=True),
        Column("observations", pl.Int64, "returns fitted to", unit="bars", minimum=0),
        Column("converged", pl.Boolean, "whether the optimiser says so"),
        Column("log_likelihood", pl.Float64, "ours; null where the model has none", unit="nats", nullable=True),
        Column("peer_log_likelihood", pl.Float64, "the peer's, fitted cold", unit="nats", nullable=True),
        Column("gap", pl.Float64, "ours less the peer's", unit="nats", nullable=True),
        Column("passed", pl.Boolean, "whether ours is at least the peer's, within audit.tolerance", nullable=True),
        Column("note", pl.String, "why there is nothing to compare", nullable=True),
        Column(
            "ljung_box_p",
            pl.Float64,
            "chance of such autocorrelation of the residuals over 10 lags if there were none",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column(
            "arch_lm_p",
            pl.Float64,
            "the same of their squares; a mean's residuals have it, a variance's should not",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column("parameters", pl.String, "by name"),
        Column("judged", pl.Int64, "forecasts one bar ahead of the partition whose targets have come", minimum=0),
        Column(
            "realised_error",
            pl.Float64,
            "of these: of a mean the root mean square error of the log return, of a variance the mean QLIKE",
            nullable=True,
            minimum=0,
        ),
        Column("walk_error", pl.Float64, "the random walk's on the same targets", nullable=True, minimum=0),
    ),
    rules=(
        Rule(
            "compared_or_told",
            pl.col("passed").is_not_null() | pl.col("note").is_not_null(),
            "there is a verdict, or a reason why not",
        ),
    ),
)

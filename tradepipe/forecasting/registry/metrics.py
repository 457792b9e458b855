"""The sums that metrics of versions are made of: they add up over evaluation partitions, horizons and regimes.

They are those of the `evaluations` layer (`tradepipe.contracts.evaluation`), and so are the metrics' formulas
(`tradepipe.forecasting.evaluation.formulas`).
"""

from typing import Final

import polars as pl

COUNTS: Final = ("forecasts", "directions", "hits", "decisions", "positions", "wins")
SUMS: Final = (
    "log_score",
    "qlike",
    "squared_error",
    "walk_squared_error",
    "strategy_return",
    "strategy_return_squared",
)
ADDED: Final = (*COUNTS, *SUMS)

EVIDENCE: Final = {
    "version": pl.String,
    "partition": pl.String,
    "regime": pl.String,
    "horizon": pl.Int32,
    **dict.fromkeys(COUNTS, pl.Int64),
    **dict.fromkeys(SUMS, pl.Float64),
}
"""What evaluations say: one row a version, evaluation partition, regime and horizon, summed over symbols."""

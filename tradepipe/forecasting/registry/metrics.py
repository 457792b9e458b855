"""Metrics of versions, from sums that add up over evaluation partitions, horizons and regimes.

The sums are those of the `evaluations` layer, and so are the metrics' formulas: see `tradepipe.contracts.evaluation`.
"""

from typing import Final

import polars as pl

from tradepipe.forecasting.registry.model import Metric

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

_NO_VARIATION = 1e-12  # of the squared mean: what rounding leaves of equal returns


def metric(name: Metric, prefix: str = "") -> pl.Expr:
    """A metric of rows that hold sums in columns `prefix` + name; null where nothing counts.

    log_score and qlike are means a forecast, rmse_ratio is to the random walk's error on the same targets, hit_rate is
    the share of right signs among forecasts with one, win_rate the share of positions with a gain, sharpe the mean over
    the standard deviation of the strategy's return a decision (not annualised).
    """

    def column(of: str) -> pl.Expr:
        return pl.col(prefix + of)

    def mean(of: str, count: str = "forecasts") -> pl.Expr:
        return pl.when(column(count) > 0).then(column(of) / column(count))

    if name == "rmse_ratio":
        ratio = (column("squared_error") / column("walk_squared_error")).sqrt()
        return pl.when(ratio.is_nan()).then(1.0).when(ratio.is_finite()).then(ratio)
    if name == "hit_rate":
        return mean("hits", "directions")
    if name == "win_rate":
        return mean("wins", "positions")
    if name == "sharpe":
        gain = mean("strategy_return", "decisions")
        variance = mean("strategy_return_squared", "decisions") - gain**2
        return pl.when(variance > _NO_VARIATION * gain**2, column("positions") > 0).then(gain / variance.sqrt())
    return mean(name)

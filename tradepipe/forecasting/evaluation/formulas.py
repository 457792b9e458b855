"""Metrics as expressions of sums that add up: one formula for tables, plots and the rule that promotes models."""

import polars as pl

_NO_VARIATION = 1e-12  # of the squared mean: what rounding leaves of equal returns


def mean(name: str, of: str = "forecasts", prefix: str = "") -> pl.Expr:
    """Sum over count; null where nothing counts."""
    return pl.when(pl.col(prefix + of) > 0).then(pl.col(prefix + name) / pl.col(prefix + of))


def metric(name: str, prefix: str = "") -> pl.Expr:
    """A metric of rows that hold sums (columns of EVALUATIONS) in columns `prefix` + name; null where nothing counts.

    rmse_ratio is to the random walk's error on the same targets: 1 where both are zero, as on a price that never moves,
    and null where the walk's alone is. hit_rate is the share of right signs among forecasts with one, win_rate the
    share of positions with a gain, sharpe the mean over the standard deviation of the strategy's return a decision (not
    annualised). Any other name, such as log_score or qlike, is a mean a forecast.
    """
    if name == "rmse_ratio":
        ratio = (pl.col(prefix + "squared_error") / pl.col(prefix + "walk_squared_error")).sqrt()
        return pl.when(ratio.is_nan()).then(1.0).when(ratio.is_finite()).then(ratio)
    if name == "hit_rate":
        return mean("hits", "directions", prefix)
    if name == "win_rate":
        return mean("wins", "positions", prefix)
    if name == "sharpe":
        gain = mean("strategy_return", "decisions", prefix)
        variance = mean("strategy_return_squared", "decisions", prefix) - gain**2
        held = pl.col(prefix + "positions") > 0
        return pl.when(variance > _NO_VARIATION * gain**2, held).then(gain / variance.sqrt())
    return mean(name, prefix=prefix)

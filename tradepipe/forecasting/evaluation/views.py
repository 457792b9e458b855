"""Frames behind the plots of an evaluation: calibration, skill and weights over time, sums by regime."""

import polars as pl

from tradepipe.contracts.evaluation import EVALUATIONS, UNKNOWN
from tradepipe.contracts.forecasts import ENSEMBLE, LEVELS
from tradepipe.forecasting.evaluation.sums import ADDED


def calibration(table: pl.DataFrame) -> pl.DataFrame:
    """Coverage of each interval beside its level.

    Args:
        table: what `evaluate` returns.

    Returns:
        The table's groups, model, horizon, then level and coverage (both shares), spread (over
        symbols, null for fewer than two), forecasts; one row a level, in the table's order.
    """
    told = table.columns[: table.columns.index("horizon") + 1]
    each = [
        table.select(
            *told,
            level=pl.lit(level / 100),
            coverage=f"coverage_{level}",
            spread=f"coverage_{level}_spread",
            forecasts="forecasts",
        )
        for level in LEVELS
    ]
    return pl.concat(each).sort(*told, "level", maintain_order=True)


def over_symbols(sums: pl.DataFrame) -> pl.DataFrame:
    """EVALUATIONS added up over symbols, sectors and partitions: one row a model, horizon and regime.

    Its symbol and sector are unknown; all that `evaluate` tells by regime stays, save the count of symbols.
    """
    added = sums.group_by("model", "horizon", "regime").agg(
        pl.col("train_first_session", "test_first_session").min(),
        pl.col("train_last_session", "test_last_session").max(),
        pl.col(ADDED).sum(),
    )
    placed = added.with_columns(symbol=pl.lit(UNKNOWN), sector=pl.lit(UNKNOWN)).sort(EVALUATIONS.key)
    return placed.select(pl.col(name).cast(dtype) for name, dtype in EVALUATIONS.polars_schema.items())


def rolling_skill(sums: pl.DataFrame, months: int = 12) -> pl.DataFrame:
    """Error of each model over the random walk's, over the last `months` months at each month.

    Args:
        sums: EVALUATIONS columns of any partitions.
        months: in the rolling window; a run of less than two windows begins with what there is.

    Returns:
        from_session (the first day of the window's last month), model, horizon, rmse_ratio (null where the random
        walk made no error); sorted by horizon, model and time.
    """
    errors = ["squared_error", "walk_squared_error"]
    key = ["horizon", "model", "from_session"]
    month = pl.col("test_first_session").dt.truncate("1mo").alias("from_session")
    monthly = sums.sort("test_first_session", "symbol").group_by("horizon", "model", month).agg(pl.col(errors).sum())
    least = months if monthly["from_session"].n_unique() >= 2 * months else 1
    rolling = pl.col(errors).rolling_sum(months, min_samples=least).over("horizon", "model", order_by="from_session")
    ratio = (pl.col("squared_error") / pl.col("walk_squared_error")).sqrt()
    return (
        monthly.sort(key)
        .with_columns(rolling)
        .select("from_session", "model", "horizon", rmse_ratio=pl.when(ratio.is_finite()).then(ratio))
    )


def weights_over_time(sums: pl.DataFrame, every: str = "1mo") -> pl.DataFrame:
    """Mean weight of each member in the ensemble, period by period.

    Returns:
        from_session, model, horizon, weight; sorted by horizon, model and time. Weights of a period and
        horizon add up to 1 as far as all members are there.
    """
    weighed = sums.filter((pl.col("weighted") > 0) & (pl.col("model") != ENSEMBLE))
    return (
        weighed.group_by(pl.col("test_first_session").dt.truncate(every).alias("from_session"), "model", "horizon")
        .agg(weight=pl.col("weight").sum() / pl.col("weighted").sum())
        .sort("horizon", "model", "from_session")
    )

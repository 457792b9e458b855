"""Is a model better than the random walk? Numbers, and one plain sentence."""

from typing import Any

import polars as pl

from tradepipe.contracts import FORECAST_SCORES
from tradepipe.forecasting.diebold_mariano import diebold_mariano
from tradepipe.forecasting.frames import require_columns
from tradepipe.forecasting.specs import RANDOM_WALK

SIGNIFICANCE = 0.05
"""Level of the verdict, divided by the number of horizons looked at (Bonferroni)."""


def accuracy(scores: pl.DataFrame) -> pl.DataFrame:
    """Accuracy per symbol, horizon and model, each model on the origins that the random walk has too.

    Args:
        scores: FORECAST_SCORES columns, any number of partitions.

    Returns:
        One row per symbol, horizon and model, sorted so:
        forecasts (count), rmse (of the log return), rmse_ratio (to the random walk's rmse on the
        same origins; below 1 is better; null where the random walk makes no error at all and the
        model does), dm_statistic and dm_p_value (Diebold-Mariano on squared errors against the
        random walk, negative when the model is better; null for the random walk itself and where
        there are too few forecasts or no difference), hit_rate (share of right signs among
        forecasts with a sign; null when none has one), coverage_95 (share of outcomes inside the
        95 % interval), qlike (mean loss of the variance forecast).
    """
    require_columns(scores, "scores", FORECAST_SCORES.column_names)
    # One origin has one target at a horizon, and the target bar is what the contract keeps unique.
    target = ["symbol", "horizon", "target_open_time"]
    walk = scores.filter(pl.col("model") == RANDOM_WALK).select(*target, walk_error="squared_error")
    groups = (
        scores.join(walk, on=target, how="inner")
        .sort("target_open_time")
        .group_by("symbol", "horizon", "model")
        .agg(
            pl.len().cast(pl.Int64).alias("forecasts"),
            pl.col("squared_error").mean().sqrt().alias("rmse"),
            (pl.col("squared_error").mean() / pl.col("walk_error").mean()).sqrt().alias("rmse_ratio"),
            pl.col("direction_hit").cast(pl.Float64).mean().alias("hit_rate"),
            pl.col("inside_95").cast(pl.Float64).mean().alias("coverage_95"),
            pl.col("qlike").mean(),
            (pl.col("squared_error") - pl.col("walk_error")).alias("difference"),
        )
        .sort("symbol", "horizon", "model")
    )
    tests = [
        diebold_mariano(difference.to_numpy(), horizon)
        for difference, horizon in zip(groups["difference"], groups["horizon"], strict=True)
    ]
    return groups.select(
        "symbol",
        "horizon",
        "model",
        "forecasts",
        "rmse",
        # Two errors of zero, as on a price that never moves, are no difference; an error has no ratio to none.
        pl.when(pl.col("rmse_ratio").is_nan())
        .then(1.0)
        .when(pl.col("rmse_ratio").is_finite())
        .then("rmse_ratio")
        .alias("rmse_ratio"),
        pl.Series("dm_statistic", [test.statistic for test in tests], pl.Float64),
        pl.Series("dm_p_value", [test.p_value for test in tests], pl.Float64),
        "hit_rate",
        "coverage_95",
        "qlike",
    )


def verdict(summary: pl.DataFrame) -> dict[str, str]:
    """One plain sentence per symbol on whether each model forecasts returns better than the random walk.

    A model has skill at a horizon where its error is smaller and the Diebold-Mariano p-value is
    below 5 % divided by the number of horizons, because trying five horizons gives chance five
    throws.

    Args:
        summary: what `accuracy` returns.

    Returns:
        Symbol to sentence, in the summary's order; every symbol that has a model beside the random walk.
    """
    judged = summary.filter(pl.col("model") != RANDOM_WALK)
    sentences: dict[str, list[str]] = {}
    for group in judged.partition_by("symbol", "model", maintain_order=True):
        rows = group.to_dicts()
        sentences.setdefault(rows[0]["symbol"], []).append(f"{rows[0]['model']} {_judge(rows)}")
    return {symbol: f"{symbol}: {'; '.join(parts)}." for symbol, parts in sentences.items()}


def _judge(rows: list[dict[str, Any]]) -> str:
    """Predicate of the sentence on one symbol and model: one row a horizon."""
    count = f"{min(row['forecasts'] for row in rows):,} forecasts per horizon"
    compared = [row for row in rows if row["rmse_ratio"] is not None]
    said = [_compare(compared, SIGNIFICANCE / len(rows), count)] if compared else []
    if len(compared) < len(rows):
        horizons = ", ".join(str(row["horizon"]) for row in rows if row["rmse_ratio"] is None)
        told = "" if compared else f" ({count})"
        said.append(f"is worse than the random walk at horizon {horizons}, where that makes no error at all{told}")
    return " and ".join(said)


def _compare(rows: list[dict[str, Any]], level: float, count: str) -> str:
    """What the horizons at which the random walk errs too say, each tested at `level`."""
    tested = [row for row in rows if row["dm_p_value"] is not None]
    ratios = [row["rmse_ratio"] for row in rows]
    if not tested:
        why = "the same numbers" if set(ratios) == {1.0} else "too few to tell"
        return f"cannot be told from the random walk ({why}; {count})"
    coverage = sum(row["coverage_95"] for row in rows) / len(rows)
    intervals = f"its 95 % intervals held {100 * coverage:.1f} % of the outcomes"
    decided = [row for row in tested if row["dm_p_value"] < level]
    better = [row for row in decided if row["dm_statistic"] < 0]
    worse = [row for row in decided if row["dm_statistic"] > 0]
    if decided:
        parts = [f"beats the random walk {_at(better)}"] if better else []
        parts += [f"is worse than the random walk {_at(worse)}"] if worse else []
        return f"{' but '.join(parts)}, beyond chance ({count}); {intervals}"
    least = min(row["dm_p_value"] for row in tested)
    return (
        f"shows no skill in forecasting returns: its error is {min(ratios):.4f} to {max(ratios):.4f} times the random "
        f"walk's, which chance explains (smallest Diebold-Mariano p = {least:.2f}, {count}); {intervals}"
    )


def _at(rows: list[dict[str, Any]]) -> str:
    """Horizons and errors, for a person."""
    horizons = ", ".join(str(row["horizon"]) for row in rows)
    ratios = ", ".join(f"{row['rmse_ratio']:.4f}" for row in rows)
    return f"at horizon {horizons} (error {ratios} times its)"

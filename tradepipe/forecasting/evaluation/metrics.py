"""Metrics of forecasts from sums: by symbol, sector, regime and year, over any range of partitions."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from tradepipe.contracts.evaluation import EVALUATIONS
from tradepipe.contracts.forecasts import LEVELS
from tradepipe.forecasting.evaluation.diebold_mariano import diebold_mariano
from tradepipe.forecasting.evaluation.formulas import mean, metric
from tradepipe.forecasting.evaluation.sums import ADDED
from tradepipe.forecasting.frames import require_columns

By = Literal["symbol", "sector", "regime", "year"]

_TOLD = ["model", "horizon"]


def evaluate(sums: pl.DataFrame, by: Sequence[By] = (), losses: pl.DataFrame | None = None) -> pl.DataFrame:
    """The metrics of each model and horizon, told apart `by` what is asked for.

    Args:
        sums: EVALUATIONS columns of any partitions, each once.
        by: any of symbol, sector, regime, year (of the targets).
        losses: what `loss_series` returns over the same partitions, with the columns `by` asks for (year
            is taken from the targets); None: no Diebold-Mariano test.

    Returns:
        One row a group, model and horizon, sorted so:
        train_first_session, train_last_session, test_first_session, test_last_session (the windows),
        symbols, forecasts (counts), rmse (of the log return), rmse_ratio (to the random walk's on the
        same targets; below 1 is better; null where the random walk makes no error at all and the model
        does), dm_statistic and dm_p_value (Diebold-Mariano on squared errors against the random walk,
        negative when the model is better; null for the random walk itself and where there are too few
        forecasts or no difference), mase (mean absolute error, each over the scale of its training
        window; null without a scale), smape (of the price, percent), hit_rate (share of right signs
        among forecasts with one; null when none has), crps (mean, log return), log_score (mean, nats),
        coverage_80, coverage_90, coverage_95 (shares of outcomes inside), coverage_80_spread and so on
        (standard deviation of the coverage over symbols; null for fewer than two), qlike (mean),
        fallback_share, weight (mean in the ensemble; null for the ensemble), decisions, win_rate (share
        of positions with a gain; null without any), sharpe (mean over standard deviation of the
        strategy's return a decision, not annualised; null without variation).

    Raises:
        ValueError: a column is missing.
    """
    require_columns(sums, "sums", EVALUATIONS.column_names)
    dated = sums.with_columns(year=pl.col("test_first_session").dt.year())
    key = [*by, *_TOLD]
    table = _add(dated, key).with_columns(_metrics()).sort(key)
    spread = _spread(dated, key) if "symbol" not in by else table.select(key).with_columns(_no_spread())
    tests = _tests(losses, by)
    joined = table.join(spread, on=key, how="left", maintain_order="left")
    joined = joined.join(tests, on=key, how="left", maintain_order="left")
    return joined.select(*key, *_WINDOWS, "symbols", *(name for name in METRICS if name not in key))


def _add(sums: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    return sums.group_by(key).agg(
        train_first_session=pl.col("train_first_session").min(),
        train_last_session=pl.col("train_last_session").max(),
        test_first_session=pl.col("test_first_session").min(),
        test_last_session=pl.col("test_last_session").max(),
        symbols=pl.col("symbol").n_unique(),
        **{name: pl.col(name).cast(_wide(name)).sum() for name in ADDED},
    )


def _wide(name: str) -> pl.DataType:
    return pl.Float64() if EVALUATIONS.polars_schema[name] == pl.Float64 else pl.Int64()


_WINDOWS = ("train_first_session", "train_last_session", "test_first_session", "test_last_session")
METRICS = (
    "forecasts",
    "rmse",
    "rmse_ratio",
    "dm_statistic",
    "dm_p_value",
    "mase",
    "smape",
    "hit_rate",
    "crps",
    "log_score",
    *(f"coverage_{level}" for level in LEVELS),
    *(f"coverage_{level}_spread" for level in LEVELS),
    "qlike",
    "fallback_share",
    "weight",
    "decisions",
    "win_rate",
    "sharpe",
)


def _metrics() -> list[pl.Expr]:
    return [
        (pl.col("squared_error") / pl.col("forecasts")).sqrt().alias("rmse"),
        *(metric(name).alias(name) for name in _OF_SUMS),
        mean("scaled_error", "scaled").alias("mase"),
        (100 * mean("sape")).alias("smape"),
        *(mean(f"inside_{level}").alias(f"coverage_{level}") for level in LEVELS),
        mean("fallbacks").alias("fallback_share"),
        mean("weight", "weighted").alias("weight"),
    ]


_OF_SUMS = ("rmse_ratio", "hit_rate", "crps", "log_score", "qlike", "win_rate", "sharpe")


def _spread(sums: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """How much the coverage differs from symbol to symbol."""
    inside = [f"inside_{level}" for level in LEVELS]
    each = sums.group_by(*key, "symbol").agg(pl.col("forecasts", *inside).cast(pl.Int64).sum())
    return each.group_by(key).agg(
        (pl.col(f"inside_{level}") / pl.col("forecasts")).sort().std().alias(f"coverage_{level}_spread")
        for level in LEVELS
    )


def _no_spread() -> list[pl.Expr]:
    return [pl.lit(None, pl.Float64).alias(f"coverage_{level}_spread") for level in LEVELS]


def _tests(losses: pl.DataFrame | None, by: Sequence[By]) -> pl.DataFrame:
    """Diebold-Mariano of each group; a time at which a group has no forecast keeps its place."""
    key = [*by, *_TOLD]
    if losses is None:
        schema = {"symbol": pl.String, "sector": pl.String, "regime": pl.String, "year": pl.Int32}
        told = {name: schema[name] for name in by} | {"model": pl.String, "horizon": pl.Int32}
        return pl.DataFrame(schema=told | {"dm_statistic": pl.Float64, "dm_p_value": pl.Float64})
    dated = losses.with_columns(year=pl.col("target_session").dt.year())
    require_columns(dated, "losses", [*key, "target_open_time", "loss_difference", "forecasts"])
    placed = (
        dated.group_by(*key, "target_open_time")
        .agg(pl.col("loss_difference").sum(), pl.col("forecasts").sum())
        .with_columns(place=pl.col("target_open_time").rank("dense").over("model", "horizon").cast(pl.Int64))
        .sort(*key, "place")
        .group_by(key, maintain_order=True)
        .agg("place", "loss_difference", "forecasts")
    )
    tests = []
    for horizon, place, difference, count in zip(
        *(placed[name] for name in ("horizon", "place", "loss_difference", "forecasts")), strict=True
    ):
        slots = place.to_numpy() - place[0]
        sums, counts = np.zeros(slots[-1] + 1), np.zeros(slots[-1] + 1)
        sums[slots], counts[slots] = difference.to_numpy(), count.to_numpy()
        tests.append(diebold_mariano(sums, horizon, counts))
    return placed.select(key).with_columns(
        dm_statistic=pl.Series([test.statistic for test in tests], dtype=pl.Float64),
        dm_p_value=pl.Series([test.p_value for test in tests], dtype=pl.Float64),
    )

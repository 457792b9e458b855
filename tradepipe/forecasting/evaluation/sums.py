"""Scores reduced to sums that add up: over partitions, symbols, sectors and regimes."""

from collections.abc import Mapping, Sequence

import polars as pl

from tradepipe.contracts.evaluation import EVALUATION_ORIGINS, EVALUATIONS, FORECAST_SCORES, UNKNOWN
from tradepipe.contracts.forecasts import LEVELS
from tradepipe.forecasting.frames import require_columns
from tradepipe.forecasting.members import RANDOM_WALK

LOSS_CELLS = ("sector", "regime")
"""What the loss series of a partition tell apart."""

# One origin has one target at a horizon, and the target bar is what the contract of scores keeps unique.
_TARGET = ("symbol", "horizon", "target_open_time")


class LeakError(ValueError):
    """Forecasts are to be judged on sessions that their models were trained on."""


def judged(
    scores: pl.DataFrame, regimes: pl.DataFrame | None = None, sectors: Mapping[str, str | None] | None = None
) -> pl.DataFrame:
    """Scores beside the random walk's, with the regime of their origin and the sector of their symbol.

    A forecast without the random walk's on the same target is left out, so that all models are judged
    by the same outcomes.

    Args:
        scores: FORECAST_SCORES columns, and any others.
        regimes: symbol, open_time, regime; each bar once. Without, or for other bars: unknown.
        sectors: of each symbol. Without, or for other symbols: unknown.

    Returns:
        The columns of `scores` with walk_squared_error, regime and sector.

    Raises:
        LeakError: a training window reaches into the session of its forecast's target.
        ValueError: a column is missing.
    """
    require_columns(scores, "scores", FORECAST_SCORES.column_names)
    leaks = scores.filter(pl.col("fitted_through") >= pl.col("target_session"))
    if not leaks.is_empty():
        shown = leaks.select("symbol", "model", "horizon", "fitted_through", "target_session").row(0, named=True)
        raise LeakError(
            f"{leaks.height} of {scores.height} forecasts were trained on the session they are judged on, "
            f"e.g. {shown}. Remedy: materialise the forecasts again; a fit serves origins from its last bar on."
        )
    walk = scores.filter(pl.col("model") == RANDOM_WALK).select(*_TARGET, walk_squared_error="squared_error")
    beside = scores.join(walk, on=_TARGET, how="inner", maintain_order="left")
    if regimes is None:
        placed = beside.with_columns(regime=pl.lit(UNKNOWN))
    else:
        known = regimes.select("symbol", "open_time", "regime")
        placed = beside.join(known, on=["symbol", "open_time"], how="left", maintain_order="left")
    told = {symbol: sector for symbol, sector in (sectors or {}).items() if sector is not None}
    sector = pl.col("symbol").replace_strict(told, default=UNKNOWN, return_dtype=pl.String)
    return placed.with_columns(pl.col("regime").fill_null(UNKNOWN), sector=sector if told else pl.lit(UNKNOWN))


def statistics(rows: pl.DataFrame) -> pl.DataFrame:
    """The sums of each partition, or of all rows where they have none: any of them added up are those of both.

    Args:
        rows: what `judged` returns; a column `partition` is kept.

    Returns:
        EVALUATIONS columns, preceded by `partition` if the rows have it; sorted by the key.
    """
    partition = ["partition"] if "partition" in rows.columns else []
    return (
        rows.group_by(*partition, *EVALUATIONS.key)
        .agg(
            pl.col("sector").first(),
            train_first_session=pl.col("fitted_from").min(),
            train_last_session=pl.col("fitted_through").max(),
            test_first_session=pl.col("target_session").min(),
            test_last_session=pl.col("target_session").max(),
            **{name: _of(sum_) for name, sum_ in _SUMS.items()},
        )
        .select(*partition, *[pl.col(name).cast(dtype) for name, dtype in EVALUATIONS.polars_schema.items()])
        .sort(*partition, *EVALUATIONS.key)
    )


def by_origin(rows: pl.DataFrame) -> pl.DataFrame:
    """The sums of each partition over all symbols, told apart by where the forecasts were made.

    Args:
        rows: what `judged` returns, with made_in (String, partition of the origin); a column `partition` is kept.

    Returns:
        EVALUATION_ORIGINS columns, preceded by `partition` if the rows have it; sorted by the key.
    """
    key = [*(["partition"] if "partition" in rows.columns else []), *EVALUATION_ORIGINS.key]
    summed = {name: _of(sum_) for name, sum_ in _SUMS.items()}
    return (
        rows.group_by(key)
        .agg(test_first_session=pl.col("target_session").min(), **summed)
        .with_columns(pl.col(name).cast(dtype) for name, dtype in EVALUATION_ORIGINS.polars_schema.items())
        .select(*key[: -len(EVALUATION_ORIGINS.key)], *EVALUATION_ORIGINS.column_names)
        .sort(key)
    )


def fold(sums: pl.DataFrame) -> pl.DataFrame:
    """The same sums, added up over regimes and the partitions of a month: enough to tell a long run at once.

    Args:
        sums: EVALUATIONS columns.

    Returns:
        EVALUATIONS columns, one row a symbol, model, horizon and month of the first targets, of an unknown
        regime; sorted by the key and time.
    """
    month = pl.col("test_first_session").dt.truncate("1mo").alias("month")
    added = sums.group_by("symbol", "model", "horizon", month).agg(
        pl.col("sector").last(),
        pl.col("train_first_session", "test_first_session").min(),
        pl.col("train_last_session", "test_last_session").max(),
        pl.col(ADDED).sum(),
    )
    placed = added.with_columns(regime=pl.lit(UNKNOWN)).sort(*EVALUATIONS.key, "month")
    return placed.select(pl.col(name).cast(dtype) for name, dtype in EVALUATIONS.polars_schema.items())


def loss_series(rows: pl.DataFrame, cells: Sequence[str] = LOSS_CELLS) -> pl.DataFrame:
    """Loss against the random walk at each target bar, summed over the symbols of a cell.

    Args:
        rows: what `judged` returns; a column `partition` is kept.
        cells: columns that tell apart what is tested; with `sector` and `regime`, EVALUATION_LOSSES.

    Returns:
        partition (if the rows have it), target_open_time, target_session, model, horizon, the cells,
        loss_difference (sum of squared errors less the random walk's), forecasts (count); sorted by
        all but the numbers. The random walk itself has no rows.
    """
    partition = ["partition"] if "partition" in rows.columns else []
    key = [*partition, "target_open_time", "model", "horizon", *cells]
    return (
        rows.filter(pl.col("model") != RANDOM_WALK)
        .group_by(key)
        .agg(
            pl.col("target_session").first(),
            loss_difference=(pl.col("squared_error") - pl.col("walk_squared_error")).sum(),
            forecasts=pl.len().cast(pl.Int32),
        )
        .select(
            *partition,
            "target_open_time",
            "target_session",
            "model",
            "horizon",
            *cells,
            "loss_difference",
            "forecasts",
        )
        .sort(key)
    )


def _of(summed: pl.Expr) -> pl.Expr:
    """Seven digits are enough for a score, not for the sum of many."""
    return summed.cast(pl.Float64).sum()


_SUMS = {
    "forecasts": pl.col("squared_error").is_not_null(),
    "fallbacks": pl.col("is_fallback"),
    "squared_error": pl.col("squared_error"),
    "walk_squared_error": pl.col("walk_squared_error"),
    "absolute_error": pl.col("absolute_error"),
    "scaled_error": pl.col("absolute_error").cast(pl.Float64) / pl.col("scale"),
    "scaled": pl.col("scale").is_not_null(),
    "sape": pl.col("sape"),
    "log_score": pl.col("log_score"),
    "crps": pl.col("crps"),
    "qlike": pl.col("qlike"),
    "directions": pl.col("direction_hit").is_not_null(),
    "hits": pl.col("direction_hit"),
    **{f"inside_{level}": pl.col(f"inside_{level}") for level in LEVELS},
    "weighted": pl.col("weight").is_not_null(),
    "weight": pl.col("weight"),
    "decisions": pl.col("target_weight").is_not_null(),
    "positions": pl.col("target_weight").fill_null(0) != 0,
    "wins": (pl.col("target_weight").fill_null(0) != 0) & (pl.col("strategy_return") > 0),
    "strategy_return": pl.col("strategy_return"),
    "strategy_return_squared": pl.col("strategy_return").cast(pl.Float64) ** 2,
}
ADDED = tuple(_SUMS)
"""The columns of EVALUATIONS that add up; the others are what they are told apart by, and windows."""

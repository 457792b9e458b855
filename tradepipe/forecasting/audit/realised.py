"""What became of the forecasts that audited fits made: their errors, once targets have come."""

from typing import Final

import polars as pl

from tradepipe.contracts import FORECAST_SCORES
from tradepipe.forecasting.frames import require_columns
from tradepipe.forecasting.members import RANDOM_WALK

_TARGET: Final = ["symbol", "target_open_time"]
_SCORES: Final = ["squared_error", "qlike"]
_OF_WALK: Final = "walk_"


def _error(equation: str, of: str = "") -> pl.Expr:
    if equation == "mean":
        return pl.col(f"{of}squared_error").mean().sqrt()
    return pl.col(f"{of}qlike").cast(pl.Float64).mean()


def with_realised(audited: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """`audited`, with how many forecasts were judged, their error and the random walk's on the same targets.

    Of a mean the error is the root mean square error of the log return, of a variance the mean QLIKE (Patton 2011).

    Args:
        audited: symbol, model, equation, and any others.
        scores: FORECAST_SCORES columns of the forecasts one bar ahead that the audited fits made.

    Returns:
        The columns of `audited`, judged (0 before any target came), realised_error and walk_error (null then).

    Raises:
        ValueError: a column is missing.
    """
    require_columns(scores, "scores", FORECAST_SCORES.column_names)
    sorted_scores = scores.sort("symbol", "model", "target_open_time")  # sums of floats follow the order of their terms
    walk = sorted_scores.filter(pl.col("model") == RANDOM_WALK).select(*_TARGET, pl.col(_SCORES).name.prefix(_OF_WALK))
    met = sorted_scores.join(walk, on=_TARGET, maintain_order="left")
    errors = pl.concat(
        met.group_by("symbol", "model")
        .agg(judged=pl.len().cast(pl.Int64), realised_error=_error(equation), walk_error=_error(equation, _OF_WALK))
        .with_columns(equation=pl.lit(equation))
        for equation in ("mean", "variance")
    )
    told = audited.join(errors, on=["symbol", "model", "equation"], how="left", maintain_order="left")
    return told.with_columns(pl.col("judged").fill_null(0)).select(
        *audited.columns, "judged", "realised_error", "walk_error"
    )

"""Forecasts meet what came."""

import polars as pl

from tradepipe.contracts import FORECAST_SCORES, FORECASTS
from tradepipe.forecasting.frames import require_columns, require_unique

LEAST_RATIO = 1e-12
"""Least squared error over variance in QLIKE: a forecast that hits to the last digit would score infinity."""


def score_forecasts(forecasts: pl.DataFrame, bars: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Score every forecast whose target lies in the wanted sessions and whose target bar exists.

    A score belongs to the partition of its target, so the forecasts handed in must reach back
    `horizon` bars before the first window.

    QLIKE is r2/h - log(r2/h) - 1 with r2 the squared forecast error and h the forecast variance
    (Patton 2011, "Volatility forecast comparison using imperfect volatility proxies",
    J. Econometrics 160); r2/h is taken as 1e-12 where it is smaller.

    Args:
        forecasts: FORECASTS columns.
        bars: symbol, open_time (UTC), close; each bar once.
        windows: partition, first_session, last_session: the targets' partitions, not overlapping.

    Returns:
        FORECAST_SCORES columns plus `partition`, sorted by partition and then by the key. A
        forecast whose target bar is missing has no row.

    Raises:
        ValueError: a column is missing, or `bars` has a symbol's open_time twice.
    """
    require_columns(forecasts, "forecasts", FORECASTS.column_names)
    require_columns(bars, "bars", ["symbol", "open_time", "close"])
    require_unique(bars, "bars", ["symbol", "open_time"])
    require_columns(windows, "windows", ["partition", "first_session", "last_session"])
    realised = bars.select("symbol", target_open_time="open_time", realised_price="close")
    error = pl.col("realised_return") - pl.col("mean_return")
    ratio = pl.max_horizontal(pl.col("squared_error") / pl.col("volatility") ** 2, LEAST_RATIO)
    direction = pl.col("mean_return").sign()
    return (
        forecasts.drop("partition", strict=False)
        .sort("target_session")
        .join_asof(
            windows.select("partition", "first_session", "last_session").sort("first_session"),
            left_on="target_session",
            right_on="first_session",
        )
        .filter(pl.col("target_session") <= pl.col("last_session"))
        .join(realised, on=["symbol", "target_open_time"], how="inner", maintain_order="left")
        .with_columns(realised_return=(pl.col("realised_price") / pl.col("origin_price")).log())
        .with_columns(squared_error=error**2)
        .with_columns(
            qlike=ratio - ratio.log() - 1,
            direction_hit=pl.when(direction != 0).then(pl.col("realised_return").sign() == direction),
            inside_95=pl.col("realised_price").is_between(pl.col("price_lower_95"), pl.col("price_upper_95")),
        )
        .select("partition", *FORECAST_SCORES.column_names)
        .sort("partition", *FORECAST_SCORES.key)
    )

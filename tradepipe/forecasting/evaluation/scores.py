"""Forecasts meet what came."""

from collections.abc import Callable

import polars as pl

from tradepipe.contracts.evaluation import FORECAST_SCORES
from tradepipe.contracts.forecasts import FORECASTS, LEVELS
from tradepipe.forecasting.evaluation.laws import law_scores
from tradepipe.forecasting.evaluation.training import training_windows
from tradepipe.forecasting.frames import require_columns, require_unique

LEAST_RATIO = 1e-12
"""Least squared error over variance in QLIKE: a forecast that hits to the last digit would score infinity."""

_LARGEST = 3e38  # of a Float32: what passes it would not be finite

Weigher = Callable[[pl.DataFrame], pl.DataFrame]
"""Forecasts (FORECASTS columns) to the rows that a strategy looks at, each with its `target_weight`."""

_FORECAST = ["symbol", "open_time", "model", "horizon"]


def score_forecasts(
    forecasts: pl.DataFrame,
    bars: pl.DataFrame,
    windows: pl.DataFrame,
    *,
    train_bars: int,
    weigh: Weigher | None = None,
) -> pl.DataFrame:
    """Score every forecast whose target lies in the wanted sessions and whose target bar exists.

    A score belongs to the partition of its target, so the forecasts handed in must reach back
    `horizon` bars before the first window.

    Errors are of the log return from origin to target. Log score and CRPS: see `laws`. Scale: see
    `training`. QLIKE is r2/h - log(r2/h) - 1 with r2 the squared forecast error and h the forecast
    variance (Patton 2011, "Volatility forecast comparison using imperfect volatility proxies",
    J. Econometrics 160); r2/h is taken as 1e-12 where it is smaller. sAPE of the price is
    2 |P - F| / (P + F), the term of sMAPE in the M4 competition (Makridakis, Spiliotis & Assimakopoulos
    2020, Int. J. Forecasting 36), as a fraction. The strategy's return is its weight times the simple
    return to the target, before cost.

    Args:
        forecasts: FORECASTS columns.
        bars: symbol, session, open_time (UTC), close; each bar once, reaching back as far as training did.
        windows: partition, anchor_session, first_session, last_session of the targets' partitions, not
            overlapping; bars before a partition's anchor do not count in its scales.
        train_bars: returns in a training window.
        weigh: what a strategy would hold; None: no strategy is judged.

    Returns:
        FORECAST_SCORES columns plus `partition`, sorted by partition and then by the key. A
        forecast whose target bar is missing, or closed at zero or below and so has no log return, has no row.

    Raises:
        ValueError: a column is missing, or `bars` has a symbol's open_time twice.
    """
    require_columns(forecasts, "forecasts", FORECASTS.column_names)
    require_columns(bars, "bars", ["symbol", "session", "open_time", "close"])
    require_unique(bars, "bars", ["symbol", "open_time"])
    require_columns(windows, "windows", ["partition", "anchor_session", "first_session", "last_session"])
    realised = bars.filter(pl.col("close") > 0).select("symbol", target_open_time="open_time", realised_price="close")
    sessions = forecasts.select(pl.col("target_session").unique().sort())
    spans = windows.select("partition", "first_session", "last_session").sort("first_session")
    placed = sessions.join_asof(spans, left_on="target_session", right_on="first_session")
    wanted = placed.filter(pl.col("target_session") <= pl.col("last_session")).select("target_session", "partition")
    met = (
        forecasts.drop("partition", strict=False)
        .join(wanted, on="target_session", how="inner", maintain_order="left")
        .join(realised, on=["symbol", "target_open_time"], how="inner", maintain_order="left")
    )
    fits = ["partition", "symbol", "fitted_through"]
    trained = training_windows(bars, windows, met.select(fits).unique(), train_bars)
    return (
        _decided(met, weigh)
        .join(trained, on=fits, how="left", maintain_order="left")
        .with_columns(realised_return=(pl.col("realised_price") / pl.col("origin_price")).log())
        .with_columns(error=pl.col("realised_return") - pl.col("mean_return"))
        .with_columns(squared_error=pl.col("error") ** 2)
        .pipe(_with_scores)
        .select("partition", *[_rounded(name) for name in FORECAST_SCORES.column_names])
        .sort("partition", *FORECAST_SCORES.key)
    )


def _decided(met: pl.DataFrame, weigh: Weigher | None) -> pl.DataFrame:
    """`met` with the strategy's `target_weight`; null where it does not look."""
    if weigh is None:
        return met.with_columns(target_weight=pl.lit(None, pl.Float64))
    weights = weigh(met).select(*_FORECAST, "target_weight")
    return met.join(weights, on=_FORECAST, how="left", maintain_order="left")


def _with_scores(met: pl.DataFrame) -> pl.DataFrame:
    log_score, crps = law_scores(
        met["error"].to_numpy(), met["volatility"].to_numpy(), met["freedom"].cast(pl.Float64).to_numpy()
    )
    ratio = ((pl.col("error") / pl.col("volatility")) ** 2).clip(LEAST_RATIO, _LARGEST)
    direction = pl.col("mean_return").sign()
    realised, forecast = pl.col("realised_price"), pl.col("price")
    return met.with_columns(
        absolute_error=pl.col("error").abs(),
        sape=2 * (realised - forecast).abs() / (realised + forecast),
        log_score=pl.Series(log_score),
        crps=pl.Series(crps).clip(0),
        qlike=ratio - ratio.log() - 1,
        direction_hit=pl.when(direction != 0).then(pl.col("realised_return").sign() == direction),
        is_fallback=pl.col("fallback").is_not_null(),
        strategy_return=pl.col("target_weight") * (pl.col("realised_return").exp() - 1),
        **{
            f"inside_{level}": realised.is_between(pl.col(f"price_lower_{level}"), pl.col(f"price_upper_{level}"))
            for level in LEVELS
        },
    )


def _rounded(name: str) -> pl.Expr:
    if FORECAST_SCORES.polars_schema[name] == pl.Float32:
        return pl.col(name).clip(-_LARGEST, _LARGEST).cast(pl.Float32)
    return pl.col(name)

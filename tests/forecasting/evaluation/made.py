"""Bars and forecasts made by hand on weekdays, with what a daily refit would have known."""

import datetime as dt
import math

import numpy as np
import polars as pl
from scipy import stats

from tradepipe.contracts import UTC
from tradepipe.contracts.evaluation import FORECAST_SCORES
from tradepipe.contracts.forecasts import FORECASTS, LEVELS

START = dt.date(2015, 1, 1)
FIRST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)


def weekdays(count, start=START):
    days = pl.date_range(start, start + dt.timedelta(days=2 * count + 7), eager=True)
    return days.filter(days.dt.weekday() <= 5).head(count)


def bars_of(returns):
    """Symbol to log returns; the first bar closes at 100."""
    frames = []
    for symbol, values in returns.items():
        sessions = weekdays(len(values) + 1)
        opens = sessions.cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + dt.timedelta(hours=14)
        frames.append(
            pl.DataFrame(
                {
                    "symbol": [symbol] * len(sessions),
                    "session": sessions,
                    "open_time": opens,
                    "known_at": opens + dt.timedelta(hours=7),
                    "close": 100 * np.exp(np.concatenate([[0.0], np.cumsum(values)])),
                },
                schema_overrides={"open_time": UTC, "known_at": UTC},
            )
        )
    return pl.concat(frames)


def months(bars, lookback=0):
    """One window a calendar month, anchored `lookback` sessions before its first session."""
    sessions = bars["session"].unique().sort()
    spans = (
        pl.DataFrame({"session": sessions})
        .with_row_index("place")
        .group_by(pl.col("session").dt.strftime("%Y-%m").alias("partition"), maintain_order=True)
        .agg(
            pl.col("place").first().cast(pl.Int64),
            first_session=pl.col("session").first(),
            last_session=pl.col("session").last(),
        )
    )
    anchors = sessions.gather((spans["place"] - lookback).clip(0))
    return spans.with_columns(anchors.alias("anchor_session")).drop("place")


def forecasts_of(bars, models, horizons=(1, 2, 3), *, first=0, weights=None):
    """FORECASTS rows: `models` maps a name to a function of one symbol's log returns.

    The function gives one-step means of the bars after each origin, volatilities and degrees of freedom, all
    arrays over origins; horizons add up. Origins are the bars from `first` on whose targets exist.
    """
    frames = []
    for own in bars.sort("symbol", "open_time").partition_by("symbol"):
        close = own["close"].to_numpy()
        returns = np.concatenate([[np.nan], np.diff(np.log(close))])
        for name, model in models.items():
            mean, volatility, freedom = (np.broadcast_to(part, close.shape) for part in model(returns))
            nu = float(freedom[0])
            law = stats.norm() if math.isinf(nu) else stats.t(nu, scale=math.sqrt((nu - 2) / nu))
            for horizon in horizons:
                origins = np.arange(first, len(close) - horizon)
                ahead, spread = horizon * mean[origins], math.sqrt(horizon) * volatility[origins]
                price = close[origins] * np.exp(ahead)
                ends = {
                    f"price_{end}_{level}": pl.Series(price * np.exp(spread * law.ppf(0.5 + sign * level / 200)))
                    for level in LEVELS
                    for end, sign in (("lower", -1), ("upper", 1))
                }
                made = own[origins].with_columns(
                    origin_price="close",
                    model=pl.lit(name),
                    horizon=pl.lit(horizon, pl.Int32),
                    target_open_time=own["open_time"].gather(origins + horizon),
                    target_session=own["session"].gather(origins + horizon),
                    mean_return=pl.Series(ahead),
                    volatility=pl.Series(spread),
                    freedom=pl.Series(freedom[origins]).replace(math.inf, None),
                    price=pl.Series(price),
                    interval=pl.lit("law"),
                    weight=pl.lit((weights or {}).get(name), pl.Float64),
                    fitted_through=pl.col("session"),
                    engine=pl.lit("baseline"),
                    fallback=pl.lit(None, pl.String),
                    **ends,
                )
                frames.append(made)
    return (
        pl.concat(frames)
        .select(pl.col(name).cast(dtype) for name, dtype in FORECASTS.polars_schema.items())
        .sort(FORECASTS.key)
    )


def still(mean=0.0, volatility=0.01, freedom=math.inf):
    """A model that says the same at each origin."""
    return lambda returns: (np.full(len(returns), mean), volatility, freedom)


def scores_of(model, errors, *, symbol="AAA", horizon=1, start=0, step=DAY, **columns):
    """FORECAST_SCORES rows with these errors; every further column as given."""
    count = len(errors)
    opens = [FIRST + step * (start + i) for i in range(count)]
    sure = {
        "symbol": [symbol] * count,
        "target_open_time": [time + step * horizon for time in opens],
        "target_session": [(time + step * horizon).date() for time in opens],
        "model": [model] * count,
        "horizon": [horizon] * count,
        "session": [time.date() for time in opens],
        "open_time": opens,
        "fitted_from": [dt.date(2019, 1, 1)] * count,
        "fitted_through": [dt.date(2019, 12, 31)] * count,
        "realised_return": [0.0] * count,
        "squared_error": [error**2 for error in errors],
        "absolute_error": [abs(error) for error in errors],
        "scale": [0.01] * count,
        "sape": [0.02] * count,
        "log_score": [3.0] * count,
        "crps": [0.005] * count,
        "qlike": [1.0] * count,
        "direction_hit": [None] * count,
        **{f"inside_{level}": [True] * count for level in LEVELS},
        "is_fallback": [False] * count,
        "weight": [None] * count,
        "target_weight": [None] * count,
        "strategy_return": [None] * count,
    }
    return pl.DataFrame(sure | columns, schema=FORECAST_SCORES.polars_schema)

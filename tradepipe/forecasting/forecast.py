"""Forecasts of a market's partitions: refit at each partition's start, filter through it."""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tradepipe.bars.windows import anchored
from tradepipe.contracts import FORECASTS
from tradepipe.forecasting.baseline import random_walk
from tradepipe.forecasting.frames import require_columns, require_unique
from tradepipe.forecasting.reference import arma_garch
from tradepipe.forecasting.specs import RANDOM_WALK, Fit, FitRefusedError, FloatArray, ModelSpec, Prediction, specs_for
from tradepipe.observability.progress import Progress, report
from tradepipe.settings.forecasts import ForecastSettings

STAGE = "forecasts"

_FITS_SCHEMA = {
    "partition": pl.String,
    "symbol": pl.String,
    "model": pl.String,
    "observations": pl.Int64,
    "fitted_through": pl.Date,
    "engine": pl.String,
    "fallback": pl.String,
    "converged": pl.Boolean,
    "log_likelihood": pl.Float64,
    "persistence": pl.Float64,
    "degrees_of_freedom": pl.Float64,
    "scale": pl.Float64,
    "parameters": pl.String,
    "warnings": pl.String,
}


@dataclass(frozen=True)
class ForecastRun:
    """Forecasts, and how each fit behind them went.

    Attributes:
        forecasts: FORECASTS columns plus `partition`, sorted by partition and then by the key.
        fits: one row per partition, symbol and model, also where no forecast was possible:
            observations (returns in the training window), fitted_through, engine (null: no
            forecast), fallback (why there is none, or why a baseline stands in), and the fields
            of `Fit`; `parameters` is a JSON object.
    """

    forecasts: pl.DataFrame
    fits: pl.DataFrame


def compute_forecasts(
    panel: pl.DataFrame,
    windows: pl.DataFrame,
    settings: ForecastSettings,
    *,
    grid: pl.DataFrame,
    on_progress: Progress = report,
) -> pl.DataFrame:
    """The forecasts of `fit_and_forecast`, without the fits."""
    return fit_and_forecast(panel, windows, settings, grid=grid, on_progress=on_progress).forecasts


def fit_and_forecast(
    panel: pl.DataFrame,
    windows: pl.DataFrame,
    settings: ForecastSettings,
    *,
    grid: pl.DataFrame,
    on_progress: Progress = report,
) -> ForecastRun:
    """Fit each model once per partition and symbol and forecast from every bar of the partition.

    A partition is computed from its own anchored window alone and without a warm start, so it is
    the same, bit for bit, computed alone or in a range. The training window is the newest
    `train_bars` returns strictly before the partition's first session; parameters stay fixed
    inside the partition. With fewer than `min_train_bars` returns only the random walk forecasts,
    with fewer than 60 nothing does. A symbol whose fit fails gets the random walk's numbers under
    the model's name, with engine "baseline" and the reason in `fallback`.

    Args:
        panel: symbol, session, open_time (UTC), known_at (UTC), close, log_return (from the bar
            before, null in a symbol's first row). Rows without a finite return are left out.
        windows: partition, anchor_session, first_session, last_session; the anchor at least
            `train_bars` bars before the first session.
        settings: models, training window and horizon. Horizons count bars.
        grid: session and open_time (UTC) of each bar that the calendar expects, from the first
            origin to at least `settings.horizon` bars beyond the last. Gives target_open_time and
            target_session.
        on_progress: called with ("forecasts", done, total) before the first and after each partition.

    Raises:
        ValueError: a column is missing, an origin is not on the grid, or the grid ends too early
            or has a bar twice.
    """
    require_columns(panel, "panel", ["symbol", "session", "open_time", "known_at", "close", "log_return"])
    require_columns(windows, "windows", ["partition", "anchor_session", "first_session", "last_session"])
    clean = panel.filter(pl.col("log_return").is_finite(), pl.col("close") > 0).sort("symbol", "open_time")
    specs, fits = specs_for(settings), []
    parts = [_finished([_no_rows()], grid)]
    on_progress(STAGE, 0, windows.height)
    for done, window in enumerate(windows.iter_slices(1), start=1):
        first_session, rows = window.item(0, "first_session"), [_no_rows()]
        for series in anchored(clean, window).partition_by("symbol", maintain_order=True):
            for answer in _answers(series, first_session, specs, settings.horizon):
                fits.append(answer.fit_row())
                if answer.prediction is not None:
                    rows.append(_rows(answer.spec, answer.origins, answer.prediction))
        parts.append(_finished(rows, grid))  # partition by partition: all of a long range at once is copied whole
        on_progress(STAGE, done, windows.height)
    forecasts = pl.concat(parts)
    return ForecastRun(
        forecasts=forecasts if windows["partition"].is_sorted() else forecasts.sort("partition", *FORECASTS.key),
        fits=pl.DataFrame(fits, schema=_FITS_SCHEMA),
    )


def _finished(rows: Sequence[pl.DataFrame], grid: pl.DataFrame) -> pl.DataFrame:
    """`_rows` of one partition with prices and targets, as `ForecastRun.forecasts` has them."""
    whole = _with_prices(_with_targets(pl.concat(rows), grid))
    return whole.select("partition", *FORECASTS.column_names).sort("partition", *FORECASTS.key)


@dataclass(frozen=True)
class _Answer:
    """One model's answer for one symbol and partition; no prediction where there are too few returns."""

    spec: ModelSpec
    train: pl.DataFrame
    origins: pl.DataFrame
    prediction: Prediction | None
    refusal: str | None = None

    def fit_row(self) -> dict[str, object]:
        """The answer as a row of `ForecastRun.fits`."""
        prediction = self.prediction
        fit = prediction.fit if prediction else Fit()
        return {
            "partition": self.origins["partition"][0],
            "symbol": self.origins["symbol"][0],
            "model": self.spec.name,
            "observations": self.train.height,
            "fitted_through": self.train["session"].max(),
            "engine": prediction.engine if prediction else None,
            "fallback": prediction.fallback if prediction else self.refusal,
            "converged": fit.converged,
            "log_likelihood": fit.log_likelihood,
            "persistence": fit.persistence,
            "degrees_of_freedom": fit.degrees_of_freedom,
            "scale": fit.scale,
            "parameters": json.dumps(fit.parameters),
            "warnings": ", ".join(fit.warnings),
        }


def _answers(
    series: pl.DataFrame, first_session: dt.date, specs: Sequence[ModelSpec], horizon: int
) -> Iterator[_Answer]:
    """Every model's answer for one symbol's anchored rows; none when the partition holds no origin."""
    before = series.filter(pl.col("session") < first_session)
    origins = series.filter(pl.col("session") >= first_session).with_columns(
        fitted_through=pl.lit(before["session"].max(), pl.Date)
    )
    if origins.is_empty():
        return
    walk: Prediction | None = None
    for spec in specs:
        train = before.tail(spec.train_bars)
        if train.height < spec.min_train_bars:
            refusal = f"{train.height} returns before {first_session}, {spec.min_train_bars} needed"
            yield _Answer(spec, train, origins, None, refusal)
            continue
        returns = np.concatenate([train["log_return"].to_numpy(), origins["log_return"].to_numpy()])
        prediction = _predict(returns, train.height, spec, horizon, walk)
        walk = walk or prediction
        yield _Answer(spec, train, origins, prediction)


def _predict(returns: FloatArray, fitted: int, spec: ModelSpec, horizon: int, walk: Prediction | None) -> Prediction:
    if walk is None or spec.name == RANDOM_WALK:
        return random_walk(returns, fitted, spec, horizon)
    try:
        return arma_garch(returns, fitted, spec, horizon)
    except FitRefusedError as error:
        return replace(walk, fallback=str(error))


def _rows(spec: ModelSpec, origins: pl.DataFrame, prediction: Prediction) -> pl.DataFrame:
    """One row per horizon and origin; prices and targets are still to come."""
    horizon, count = prediction.mean.shape
    return (
        origins.select("partition", "symbol", "session", "open_time", "known_at", "close", "fitted_through")
        .rename({"close": "origin_price"})
        .select(pl.all().repeat_by(horizon).explode())
        .with_columns(
            pl.lit(spec.name).alias("model"),
            pl.Series("horizon", np.tile(np.arange(1, horizon + 1, dtype=np.int32), count)),
            pl.Series("mean_return", prediction.mean.T.ravel()),
            pl.Series("volatility", np.sqrt(prediction.variance.T.ravel())),
            pl.lit(prediction.quantile).alias("quantile"),
            pl.lit(prediction.engine).alias("engine"),
            pl.lit(prediction.fallback, pl.String).alias("fallback"),
        )
    )


def _no_rows() -> pl.DataFrame:
    """What `_rows` returns, empty, so that a market too young to forecast gives an empty frame."""
    names = ["partition", "symbol", "session", "open_time", "known_at", "origin_price", "fitted_through", "model"]
    names += ["horizon", "mean_return", "volatility", "quantile", "engine", "fallback"]
    schema = dict(FORECASTS.polars_schema) | {"partition": pl.String(), "quantile": pl.Float64()}
    return pl.DataFrame(schema={name: schema[name] for name in names})


def _with_prices(rows: pl.DataFrame) -> pl.DataFrame:
    """The log return's law is symmetric, so its mean gives the price's median."""

    def price(quantile: pl.Expr | float) -> pl.Expr:
        return pl.col("origin_price") * (pl.col("mean_return") + quantile * pl.col("volatility")).exp()

    return rows.with_columns(
        price(0.0).alias("price"),
        price(-pl.col("quantile")).alias("price_lower_95"),
        price(pl.col("quantile")).alias("price_upper_95"),
    )


def _with_targets(rows: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Start and session of the grid's bar `horizon` places after the origin's."""
    require_columns(grid, "grid", ["session", "open_time"])
    require_unique(grid, "grid", ["open_time"])
    bars = grid.sort("open_time").select(
        "open_time",
        target_open_time="open_time",
        target_session="session",
        ordinal=pl.int_range(pl.len(), dtype=pl.Int64),
    )
    placed = rows.join(bars.select("open_time", "ordinal"), on="open_time", how="left", maintain_order="left")
    lost = placed.filter(pl.col("ordinal").is_null()).select("symbol", "open_time").unique(maintain_order=True)
    if not lost.is_empty():
        raise ValueError(
            f"{lost.height} origin bars are not on the grid, e.g. {lost.row(0, named=True)}; "
            f"pass the calendar's expected bars of all partitions asked for"
        )
    aimed = placed.with_columns(pl.col("ordinal") + pl.col("horizon")).join(
        bars.drop("open_time"), on="ordinal", how="left", maintain_order="left"
    )
    early = aimed.filter(pl.col("target_open_time").is_null()).select("symbol", "open_time", "horizon")
    if not early.is_empty():
        raise ValueError(
            f"the grid ends before the target of {early.height} forecasts, e.g. {early.row(0, named=True)}; "
            f"extend it by the longest horizon"
        )
    return aimed.drop("ordinal")

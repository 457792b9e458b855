"""What a forecast of log returns may say; anything else falls to the baseline."""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from tradepipe.contracts.forecasts import MEAN_RETURN, VOLATILITY
from tradepipe.forecasting.engines.baselines import VOLATILITY_FLOOR
from tradepipe.forecasting.model import EngineName, Fits, FloatArray, MeanForecast, VarianceForecast

LARGEST_MEAN: Final = MEAN_RETURN[2]
LARGEST_VOLATILITY: Final = VOLATILITY[2]
LEAST_FREEDOM: Final = 2.0


def objections(forecast: MeanForecast | VarianceForecast) -> list[str | None]:
    """Why each row's numbers are of no use; None of those that are.

    Sums over the bars ahead are held against the limits of the contract of forecasts.
    """
    with np.errstate(all="ignore"):
        if isinstance(forecast, MeanForecast):
            total = np.abs(np.cumsum(forecast.mean, axis=1)).max(axis=1, initial=0.0)
            finite = np.isfinite(total) & np.isfinite(forecast.response).all(axis=1)
            wild = total > LARGEST_MEAN
            word = "a mean return"
        else:
            total = np.sqrt(np.cumsum(forecast.variance, axis=1)).max(axis=1, initial=0.0)
            low = forecast.variance.min(axis=1, initial=math.inf)
            finite = np.isfinite(total) & (forecast.freedom > LEAST_FREEDOM)
            wild = (total > LARGEST_VOLATILITY) | (low < VOLATILITY_FLOOR**2)
            total = np.where(low < VOLATILITY_FLOOR**2, np.sqrt(np.maximum(low, 0.0)), total)
            word = "a volatility"
    found: list[str | None] = [None] * len(total)
    for row in np.flatnonzero(~finite | wild).tolist():
        found[row] = f"forecast is garbage: {word} of {total[row]:.3g}" if finite[row] else "forecast is not finite"
    return found


def replaced(
    forecast: MeanForecast | VarianceForecast, fits: Fits, wrong: list[str | None], spare: FloatArray
) -> MeanForecast | VarianceForecast:
    """The baseline's numbers in rows that are `wrong`, moved within the limits; engine and reason of every row.

    Args:
        forecast: what the engines said.
        fits: whose engines and reasons those are.
        wrong: why a row is of no use, or None.
        spare: (series,) variance that the baseline expects.
    """
    if not any(wrong):
        return replace(forecast, engine=fits.engine, reason=fits.reason)
    rows = np.array([reason is not None for reason in wrong], dtype=np.bool_)
    engine: tuple[EngineName, ...] = tuple(
        "baseline" if bad else name for bad, name in zip(rows, fits.engine, strict=True)
    )
    reason = tuple("; ".join(filter(None, both)) or None for both in zip(fits.reason, wrong, strict=True))
    if isinstance(forecast, MeanForecast):
        nothing = np.eye(1, forecast.mean.shape[1])
        return MeanForecast(
            np.where(rows[:, None], 0.0, forecast.mean),
            np.where(rows[:, None], nothing, forecast.response),
            engine,
            reason,
        )
    most = LARGEST_VOLATILITY**2 / max(forecast.variance.shape[1], 1) * (1 - 1e-9)
    constant = np.clip(np.nan_to_num(spare, nan=0.0, posinf=most), VOLATILITY_FLOOR**2, most)
    return VarianceForecast(
        np.where(rows[:, None], constant[:, None], forecast.variance),
        np.where(rows, np.inf, forecast.freedom),
        np.where(rows, 0.0, forecast.skew if len(forecast.skew) else 0.0),
        engine,
        reason,
    )

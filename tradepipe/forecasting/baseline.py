"""The random walk: no expected return, and a volatility that needs no fit."""

from statistics import NormalDist

import numpy as np
import polars as pl

from tradepipe.contracts import FORECASTS
from tradepipe.forecasting.specs import MIN_BASELINE_BARS, FloatArray, ModelSpec, Prediction

NORMAL_97_5 = NormalDist().inv_cdf(0.975)

VOLATILITY_FLOOR = 1e-8
"""Least volatility per bar, in log return: a thousandth of the smallest tick that any market quotes."""

_LARGEST_VOLATILITY = next(column.maximum for column in FORECASTS.columns if column.name == "volatility")


def random_walk(returns: FloatArray, fitted: int, spec: ModelSpec, horizon: int) -> Prediction:
    """Forecast mean 0 and the RiskMetrics variance, which grows in proportion to the horizon.

    h(t+1) = decay h(t) + (1 - decay) r(t)^2 (RiskMetrics Technical Document, 4th ed., 1996,
    section 5.2), started from the mean square of the first 60 returns of the training window.

    Args:
        returns: (n,) log returns of the training window and then of the partition.
        fitted: how many of them lie before the partition, at least 60.
        spec: gives the decay.
        horizon: H.

    Returns:
        A `Prediction` for the n - fitted origins. A volatility of zero, or one that the contract
        does not admit, is moved to the nearest one that it admits, and `fallback` says so.
    """
    squares = returns**2
    start = float(np.mean(squares[:MIN_BASELINE_BARS]))
    recursion = pl.Series(np.concatenate([[start], squares])).ewm_mean(alpha=1 - spec.ewma_decay, adjust=False)
    steps = np.arange(1.0, horizon + 1.0)[:, None]
    raw = steps * recursion.to_numpy()[1 + fitted :]
    low, high = steps * VOLATILITY_FLOOR**2, float(_LARGEST_VOLATILITY or np.inf) ** 2
    note = None
    if bool(np.any(raw < low)):
        note = f"no movement: volatility set to {VOLATILITY_FLOOR:g} per bar where it was smaller"
    elif bool(np.any(raw > high)):
        note = f"extreme movement: volatility set to {_LARGEST_VOLATILITY:g} where it was larger"
    return Prediction(
        mean=np.zeros_like(raw),
        variance=np.clip(raw, low, high),
        quantile=NORMAL_97_5,
        engine="baseline",
        fallback=note,
    )

"""What a forecasting model is asked to be, and what an engine answers."""

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tradepipe.settings.forecasts import ForecastSettings

FloatArray = NDArray[np.float64]

ARMA_GARCH: Final = "arma_garch"
RANDOM_WALK: Final = "random_walk"
MODELS = (ARMA_GARCH, RANDOM_WALK)

MIN_BASELINE_BARS = 60
"""Returns before a partition that even the random walk needs: by then 0.94**60 = 2 % of its start remains."""


@dataclass(frozen=True)
class ModelSpec:
    """One forecasting model.

    Attributes:
        name: what the `model` column says, and which engine computes it.
        train_bars: returns in the training window, the newest ones before the partition.
        min_train_bars: with fewer returns the model makes no forecast.
        arma_order: (p, d, q) of the mean of log returns, with a constant.
        garch_order: (p, q): p lags of the squared innovation, q lags of the variance.
        ewma_decay: RiskMetrics decay per bar.
    """

    name: Literal["arma_garch", "random_walk"]
    train_bars: int
    min_train_bars: int
    arma_order: tuple[int, int, int] = (1, 0, 1)
    garch_order: tuple[int, int] = (1, 1)
    ewma_decay: float = 0.94


def specs_for(settings: ForecastSettings) -> tuple[ModelSpec, ModelSpec]:
    """The models of a market: the random walk first, because the other one falls back on it."""
    return (
        ModelSpec(RANDOM_WALK, settings.train_bars, MIN_BASELINE_BARS, ewma_decay=settings.ewma_decay),
        ModelSpec(
            ARMA_GARCH,
            settings.train_bars,
            settings.min_train_bars,
            arma_order=settings.arma_order,
            garch_order=settings.garch_order,
        ),
    )


@dataclass(frozen=True)
class Fit:
    """How a fit went, as data.

    Attributes:
        converged: both optimisers said so; null for a model without parameters. arch says so on
            most fits that stop short of the optimum, so this is no sign of quality.
        log_likelihood: of the mean equation over the training window, log returns times `scale`.
        persistence: sum of the GARCH coefficients; 1 means that shocks to the variance never fade.
        degrees_of_freedom: of the Student t law.
        scale: factor that the log returns were multiplied by before fitting.
        parameters: estimates by name, in units of the scaled returns.
        warnings: categories of the warnings raised while fitting.
    """

    converged: bool | None = None
    log_likelihood: float | None = None
    persistence: float | None = None
    degrees_of_freedom: float | None = None
    scale: float = 1.0
    parameters: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """What an engine answers for one symbol and partition.

    Attributes:
        mean: (horizon, origins) expected cumulative log return from origin close to target close.
        variance: (horizon, origins) variance of that return.
        quantile: 97.5 % quantile of the law, standardised to mean 0 and variance 1.
        engine: value of the `engine` column.
        fallback: why a baseline stands in for the model; None if none does.
        fit: how the fit went.
    """

    mean: FloatArray
    variance: FloatArray
    quantile: float
    engine: Literal["reference", "baseline"]
    fallback: str | None = None
    fit: Fit = field(default_factory=Fit)


class FitRefusedError(RuntimeError):
    """A model cannot be fitted to a series, or what came out is unusable; the message says why."""

"""The reference engine: ARMA mean (statsmodels) and GARCH-t volatility (arch), fitted once, then filtered.

Two steps: SARIMAX with a constant on the log returns, then GARCH with Student t innovations and
no mean on the one-step errors of the first. Both estimators stay consistent (the information
matrix is block-diagonal between mean and variance for a symmetric law), and the innovations
whose variance GARCH forecasts are exactly those that the ARMA impulse response multiplies.

Returns are multiplied by the power of ten that brings their standard deviation nearest to 1
(100 for daily prices), because both optimisers are tuned to that size.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tradepipe.contracts import FORECASTS
from tradepipe.forecasting.horizons import cumulate, garch_variances, impulse_response, state_means
from tradepipe.forecasting.specs import Fit, FitRefusedError, FloatArray, ModelSpec, Prediction

_NUMERICAL_FAILURES = (ValueError, ArithmeticError, LookupError, RuntimeError)
"""What the peers raise on a series that they cannot fit. A mistake of ours (TypeError, AttributeError) passes."""

_LIMITS = {column.name: column.maximum or math.inf for column in FORECASTS.columns}


def arma_garch(returns: FloatArray, fitted: int, spec: ModelSpec, horizon: int) -> Prediction:
    """Fit on the first `fitted` returns; forecast from every later one without refitting.

    Args:
        returns: (n,) finite log returns of the training window and then of the partition.
        fitted: how many of them lie before the partition.
        spec: orders.
        horizon: H.

    Returns:
        A `Prediction` for the n - fitted origins. The law of the sum over h bars is taken to be
        Student t with GARCH's degrees of freedom; for h > 1 that is an approximation, with tails
        a little too heavy.

    Raises:
        FitRefusedError: the series admits no fit, a peer failed, or its numbers are unusable.
    """
    _refuse_degenerate(returns[:fitted])
    with _warnings_as_data() as caught:
        try:
            prediction = _fit_and_filter(returns, fitted, spec, horizon, caught)
        except FitRefusedError:
            raise
        except _NUMERICAL_FAILURES as error:
            text = " ".join(str(error).split())[:200]
            raise FitRefusedError(f"fit failed: {type(error).__name__}: {text}") from error
    _refuse_unusable(prediction)
    return prediction


def _fit_and_filter(
    returns: FloatArray, fitted: int, spec: ModelSpec, horizon: int, caught: list[warnings.WarningMessage]
) -> Prediction:
    from tradepipe.forecasting.arma import fit_mean  # noqa: PLC0415 - imports statsmodels
    from tradepipe.forecasting.garch import fit_volatility  # noqa: PLC0415 - imports arch

    caught.clear()  # an import warns once a process, which is no property of this fit
    scale = 10.0 ** round(-math.log10(float(np.std(returns[:fitted]))))
    mean = fit_mean(returns * scale, fitted, spec.arma_order)
    innovations = mean.innovations[mean.burn :]
    volatility = fit_volatility(innovations, fitted - mean.burn, spec.garch_order)
    p, q = spec.garch_order
    origins = np.arange(fitted - mean.burn, len(innovations))
    variances = garch_variances(
        volatility.model,
        np.array([innovations[origins - lag] ** 2 for lag in range(p)]),
        np.array([volatility.variances[origins - lag] for lag in range(q)]),
        horizon,
    )
    steps = state_means(mean.model, mean.states[:, fitted:], horizon)
    total_mean, total_variance = cumulate(steps / scale, variances / scale**2, impulse_response(mean.model, horizon))
    return Prediction(
        mean=total_mean,
        variance=total_variance,
        quantile=volatility.quantile_97_5,
        engine="reference",
        fit=Fit(
            converged=mean.converged and volatility.converged,
            log_likelihood=mean.log_likelihood,
            persistence=float(volatility.model.alpha.sum() + volatility.model.beta.sum()),
            degrees_of_freedom=volatility.degrees_of_freedom,
            scale=scale,
            parameters=mean.parameters | volatility.parameters,
            warnings=tuple(sorted({warning.category.__name__ for warning in caught})),
        ),
    )


def _refuse_degenerate(train: FloatArray) -> None:
    spread = np.abs(train - np.median(train))
    if not spread.any():
        raise FitRefusedError("the training returns are constant")
    if np.median(spread) == 0:
        raise FitRefusedError("at least half of the training returns are the same number")


def _refuse_unusable(prediction: Prediction) -> None:
    mean, variance = prediction.mean, prediction.variance
    if not (np.isfinite(mean).all() and np.isfinite(variance).all() and math.isfinite(prediction.quantile)):
        raise FitRefusedError("forecast is not finite")
    largest_mean, largest_volatility = float(np.abs(mean).max()), math.sqrt(float(variance.max()))
    if largest_mean > _LIMITS["mean_return"]:
        raise FitRefusedError(f"forecast is garbage: a mean return of {largest_mean:.3g}")
    if largest_volatility > _LIMITS["volatility"] or variance.min() <= 0:
        raise FitRefusedError(f"forecast is garbage: a volatility of {largest_volatility:.3g}")


@contextmanager
def _warnings_as_data() -> Iterator[list[warnings.WarningMessage]]:
    """Collect warnings instead of showing them.

    statsmodels sets its own convergence warnings to "always" at import; importing it inside the
    context keeps that from the rest of the process.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught

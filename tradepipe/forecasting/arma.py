"""ARMA with a constant through statsmodels: fitted on a training window, filtered beyond it.

Imports statsmodels (three CPU seconds), so it is itself imported only by who fits a model.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from statsmodels.tsa.statespace.sarimax import SARIMAX

from tradepipe.forecasting.horizons import StateSpace
from tradepipe.forecasting.specs import FitRefusedError, FloatArray
from tradepipe.forecasting.start import arma_start

_DOUBLINGS = 60
_FADED = 1e-20


@dataclass(frozen=True)
class Mean:
    """A fitted and filtered mean equation, in units of the values given.

    Attributes:
        model: the state space.
        states: (k, n); column t is the state predicted for bar t+1 at origin t.
        innovations: (n,) one-step errors.
        burn: how many first innovations are not to be used, because differencing needs them.
        converged: what the optimiser said.
        log_likelihood: of the training window.
        parameters: estimates by statsmodels' names.
    """

    model: StateSpace
    states: FloatArray
    innovations: FloatArray
    burn: int
    converged: bool
    log_likelihood: float
    parameters: dict[str, float]


def fit_mean(values: FloatArray, fitted: int, order: tuple[int, int, int]) -> Mean:
    """Fit SARIMAX(p, d, q) with a constant to the first `fitted` values and filter all of them.

    Args:
        values: (n,) finite, of a size near 1.
        fitted: length of the training window.
        order: (p, d, q).

    Raises:
        FitRefusedError: the estimates are not finite.
        ValueError, ArithmeticError, RuntimeError: whatever statsmodels raises.
    """
    train = values[:fitted]
    result = _model(train, order).fit(arma_start(train, order), disp=0, cov_type="none")
    parameters = dict(zip(result.param_names, map(float, result.params), strict=True))
    if not np.isfinite([*parameters.values(), result.llf]).all():
        raise FitRefusedError("fit failed: the mean equation's parameters are not finite")
    # A filter is causal: the states of bar t do not depend on later bars, nor on the scale,
    # which is the only thing that statsmodels estimates again from the longer series.
    whole = _model(values, order)
    whole.update(result.params)
    filtered = whole.ssm.filter()
    return Mean(
        model=StateSpace(
            transition=whole["transition"],
            intercept=whole["state_intercept"].reshape(whole.k_states, -1)[:, -1],
            design=whole["design"].reshape(-1),
            selection=whole["selection"].reshape(-1),
        ),
        states=filtered.predicted_state[:, 1:],
        innovations=filtered.forecasts_error[0],
        burn=int(whole.loglikelihood_burn),
        converged=bool(result.mle_retvals["converged"]),
        log_likelihood=float(result.llf),
        parameters=parameters,
    )


class _StationaryArma(SARIMAX):  # type: ignore[misc]
    """SARIMAX that computes its stationary start itself.

    statsmodels solves for it with LAPACK's getrs, which OpenBLAS spreads over threads even for a
    2 x 2 matrix: 0.5 ms of spinning on idle cores and 17 ms on busy ones, 28 times a fit.
    """

    def update(self, params: Any, *args: Any, **kwargs: Any) -> Any:
        updated = super().update(params, *args, **kwargs)
        mean, covariance = stationary_start(
            self["transition"],
            self["state_intercept"].reshape(self.k_states, -1)[:, 0],
            self["selection"] @ self["state_cov"] @ self["selection"].T,
        )
        self.ssm.initialize_known(mean, covariance)
        return updated


def stationary_start(transition: FloatArray, intercept: FloatArray, shock: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of a stationary state: a = c + T a and P = T P T' + S, by doubling.

    The sums over T^j double their number of terms with each step (Smith 1968, "Matrix equation
    XA + BX = C", SIAM J. Appl. Math. 16). Transposes are not conjugated, so that a complex-step
    derivative passes through.

    Args:
        transition: (k, k), spectral radius below 1.
        intercept: (k,).
        shock: (k, k) covariance S.

    Returns:
        a (k,) and P (k, k).
    """
    power, mean, covariance = transition, intercept, shock
    for _ in range(_DOUBLINGS):
        mean = mean + power @ mean
        covariance = covariance + power @ covariance @ power.T
        power = power @ power
        if np.abs(power).max() < _FADED:
            break
    return mean, covariance


def _model(values: FloatArray, order: tuple[int, int, int]) -> Any:
    stationary = order[1] == 0
    return (_StationaryArma if stationary else SARIMAX)(values, order=order, trend="c", concentrate_scale=True)

"""Seasonal ARIMA with regressors and missing values through statsmodels: fit, or filter at given parameters.

The likelihood is the exact Gaussian one of the *differenced* values, as R and Stata have it; statsmodels' own default
for integrated models is another one, by 0.1 to 2 nats. Imports statsmodels (three CPU seconds).
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from statsmodels.tsa.statespace.sarimax import SARIMAX

from tradepipe.forecasting.engines.reference.rows import FAILURES, RefusedError, Row, power_of_ten
from tradepipe.forecasting.engines.reference.start import arma_start
from tradepipe.forecasting.engines.reference.structure import Shape
from tradepipe.forecasting.model import FloatArray

MOST_ITERATIONS = 200
_DOUBLINGS = 60
_FADED = 1e-20


class StationaryArma(SARIMAX):  # type: ignore[misc]
    """SARIMAX that computes its stationary start itself, and counts evaluations of the likelihood.

    statsmodels solves for the start with LAPACK's getrs, which OpenBLAS spreads over threads even for a 2 x 2 matrix:
    0.5 ms of spinning on idle cores and 17 ms on busy ones, 28 times a fit.
    """

    evaluations = 0

    def update(self, params: Any, *args: Any, **kwargs: Any) -> Any:
        self.evaluations += 1
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

    The sums over T^j double their number of terms with each step (Smith 1968, "Matrix equation XA + BX = C", SIAM J.
    Appl. Math. 16). Transposes are not conjugated, so that a complex-step derivative passes through.

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


def fit(values: FloatArray, exog: FloatArray, shape: Shape, before: FloatArray | None, *, cold: bool) -> Row:
    """Maximum likelihood, warm from parameters `before` and, if `cold` or without them, from a cold start.

    An ARMA(1, 1) has a cold start so near the optimum that a warm one is taken only where it is higher.

    Args:
        values: (n,), not finite where missing, not constant.
        exog: (n or more, k) regressors.
        shape: of the model.
        before: parameters in the order of `shape.names`, or None.
        cold: whether a cold start goes beside a warm one.

    Raises:
        RefusedError: no start leads to numbers.
        ValueError, ArithmeticError, RuntimeError: whatever statsmodels raises.
    """
    target, regressors = shape.cleaned(values, exog)
    w, x = shape.differenced(target), shape.differenced(regressors)
    unit, units = power_of_ten(float(np.nanstd(w))), np.array([power_of_ten(one) for one in np.nanstd(x, axis=0)])
    model = _model(w * unit, x * units, shape, concentrated=True)
    afresh = arma_start(w * unit, x * units, shape.spec)
    starts: list[FloatArray | None] = [] if before is None else [_to_theirs(before, shape, unit, units)[:-1]]
    if cold or before is None:
        starts.append(afresh)
    elif afresh is not None:
        starts = [max(starts[0], afresh, key=model.loglike)]
    results, failures = [], []
    for start in starts:
        try:
            results.append(model.fit(start, disp=0, cov_type="none", maxiter=MOST_ITERATIONS))
        except FAILURES as error:
            failures.append(error)
    results = [result for result in results if np.isfinite([*result.params, result.scale, result.llf]).all()]
    if not results:
        raise failures[0] if failures else RefusedError("the mean equation's parameters are not finite")
    best = max(results, key=lambda result: float(result.llf))
    found = _to_ours(np.append(best.params, best.scale), shape, unit, units)
    return replace(
        at(values, exog, shape, found),
        converged=bool(best.mle_retvals["converged"]),
        evaluations=model.evaluations,
    )


def at(values: FloatArray, exog: FloatArray, shape: Shape, parameters: FloatArray) -> Row:
    """Filter a series at parameters in the order of `shape.names`; nothing is optimised.

    Raises:
        RefusedError: the likelihood is not finite there.
    """
    target, regressors = shape.cleaned(values, exog)
    equations, n = shape.equations(parameters), len(values)
    regression = regressors @ equations.betas
    u = target - regression
    w = shape.differenced(u)
    if not equations.variance > 0:
        raise RefusedError(f"an innovation variance of {equations.variance:.3g}")
    unit = power_of_ten(math.sqrt(equations.variance))
    bare = Shape(replace(shape.spec, exog=()))
    without = np.delete(parameters, [shape.names.index(name) for name in shape.spec.exog])
    model = _model(w * unit, np.empty((len(w), 0)), bare, concentrated=False)
    model.update(_to_theirs(without, bare, unit, np.empty(0)))
    filtered = model.ssm.filter()
    count = int(np.count_nonzero(np.isfinite(w)))
    log_likelihood = float(filtered.llf_obs.sum()) + count * math.log(unit)
    if not math.isfinite(log_likelihood):
        raise RefusedError("the likelihood is not finite")
    ahead = shape.regression_ahead(equations, exog, n)
    seen = u[n - shape.lags :][::-1]
    filled = _filled(shape, u, filtered.forecasts[0] / unit)
    state = [filtered.predicted_state[:, -1] / unit, filtered.predicted_state_cov[:, :, -1].ravel() / unit**2]
    return Row(
        parameters=parameters,
        log_likelihood=log_likelihood,
        state=np.concatenate([*state, seen, filled, ahead]),
        residuals=np.where(np.isfinite(w), filtered.forecasts_error[0] / unit, np.nan),
    )


def peer_log_likelihood(values: FloatArray, exog: FloatArray, shape: Shape) -> float:
    """What statsmodels reaches from its own start with its own settings, of the differenced values.

    The class is ours for the time that statsmodels' own takes over the stationary start; see there.

    Raises:
        ValueError, ArithmeticError, RuntimeError: whatever statsmodels raises.
    """
    target, regressors = shape.cleaned(values, exog)
    w = shape.differenced(target)
    unit = power_of_ten(float(np.nanstd(w)))
    model = _model(w * unit, shape.differenced(regressors), shape, concentrated=False)
    return float(model.fit(disp=0).llf) + int(np.count_nonzero(np.isfinite(w))) * math.log(unit)


def _filled(shape: Shape, u: FloatArray, predicted: FloatArray) -> FloatArray:
    """Newest `lags` of u, newest first, with predictions in place of missing ones."""
    if not shape.lags:
        return np.empty(0)
    whole, weights = u.copy(), shape.differencing[1:]
    first = float(u[np.isfinite(u)][0])
    for t in np.flatnonzero(~np.isfinite(u)):
        past = whole[max(t - shape.lags, 0) : t][::-1]
        whole[t] = first if t < shape.lags else predicted[t - shape.lags] - weights @ past
    return whole[len(u) - shape.lags :][::-1]


def _model(w: FloatArray, x: FloatArray, shape: Shape, *, concentrated: bool) -> StationaryArma:
    (p, _, q), (sp, _, sq, s) = shape.spec.order, shape.spec.seasonal
    return StationaryArma(
        w,
        exog=x if x.shape[1] else None,
        order=(p, 0, q),
        seasonal_order=(sp, 0, sq, s if sp or sq else 0),
        trend="c" if shape.spec.mean == "constant" else None,
        concentrate_scale=concentrated,
    )


def _counts(shape: Shape) -> tuple[int, int, slice, slice]:
    """Places of the mean, the regressors, the AR and the seasonal AR coefficients."""
    (p, _, q), (sp, _, _, _) = shape.spec.order, shape.spec.seasonal
    mean = int(shape.spec.mean == "constant")
    k = mean + len(shape.spec.exog)
    return mean, k, slice(k, k + p), slice(k + p + q, k + p + q + sp)


def _to_theirs(ours: FloatArray, shape: Shape, unit: float, units: FloatArray) -> FloatArray:
    """From mean to intercept, and to the units of the scaled values and regressors."""
    mean, k, ar, seasonal = _counts(shape)
    theirs = ours.copy()
    theirs[:mean] *= unit * (1 - ours[ar].sum()) * (1 - ours[seasonal].sum())
    theirs[mean:k] *= unit / units
    theirs[-1] *= unit**2
    return theirs


def _to_ours(theirs: FloatArray, shape: Shape, unit: float, units: FloatArray) -> FloatArray:
    mean, k, ar, seasonal = _counts(shape)
    ours = theirs.copy()
    ours[:mean] /= unit * (1 - theirs[ar].sum()) * (1 - theirs[seasonal].sum())
    ours[mean:k] *= units / unit
    ours[-1] /= unit**2
    return ours

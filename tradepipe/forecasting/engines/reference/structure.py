"""The seasonal ARIMA model as polynomials and state space, and the filter carried on bar by bar."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tradepipe.forecasting.model import FloatArray, ModelSpec


@dataclass(frozen=True)
class Shape:
    """What the orders of a spec make of a series y: u = y less regression, w = u differenced, w an ARMA.

    Attributes:
        spec: of family arma.
    """

    spec: ModelSpec

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Parameters: mean of w, coefficients of the regressors, AR, MA, seasonal AR, seasonal MA, variance."""
        (p, _, q), (sp, _, sq, s) = self.spec.order, self.spec.seasonal
        return (
            *(["mean"] if self.spec.mean == "constant" else []),
            *self.spec.exog,
            *(f"ar.L{lag}" for lag in range(1, p + 1)),
            *(f"ma.L{lag}" for lag in range(1, q + 1)),
            *(f"ar.S.L{lag * s}" for lag in range(1, sp + 1)),
            *(f"ma.S.L{lag * s}" for lag in range(1, sq + 1)),
            "sigma2",
        )

    @property
    def size(self) -> int:
        """Of the state of w."""
        (p, _, q), (sp, _, sq, s) = self.spec.order, self.spec.seasonal
        return max(p + s * sp, q + s * sq + 1)

    @cached_property
    def differencing(self) -> FloatArray:
        """Coefficients of (1 - L)^d (1 - L^s)^D, that of lag 0 first."""
        polynomial, (_, d, _), (_, seasonal, _, s) = np.ones(1), self.spec.order, self.spec.seasonal
        for lag in [1] * d + [s] * seasonal:
            polynomial = np.convolve(polynomial, np.concatenate([[1.0], np.zeros(lag - 1), [-1.0]]))
        return polynomial

    @property
    def lags(self) -> int:
        """Bars that differencing looks back."""
        return len(self.differencing) - 1

    @property
    def width(self) -> int:
        """Of the state: that of w and its covariance, newest `lags` of u as seen and as filled up.

        After it stands what the regressors add to each of the bars ahead, the last of them to all further ones.
        """
        return self.size + self.size**2 + 2 * self.lags

    def differenced(self, values: FloatArray) -> FloatArray:
        """(n - lags, ...) of (n, ...); what needs a missing value is missing."""
        (_, d, _), (_, seasonal, _, s) = self.spec.order, self.spec.seasonal
        for lag in [1] * d + [s] * seasonal:
            values = values[lag:] - values[:-lag]
        return values

    def cleaned(self, values: FloatArray, exog: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values and regressors of the same bars; a bar without all of its regressors is missing."""
        if not self.spec.exog:
            return np.where(np.isfinite(values), values, np.nan), np.empty((len(values), 0))
        regressors = exog[: len(values)]
        whole = np.logical_and.reduce(np.isfinite(regressors), axis=1)
        return np.where(np.isfinite(values) & whole, values, np.nan), np.where(whole[:, None], regressors, 0.0)

    def updated(
        self, values: FloatArray, exog: FloatArray, parameters: FloatArray, state: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The state after new bars, and their one-step errors; a missing one is predicted."""
        equations = self.equations(parameters)
        target, regressors = self.cleaned(values, exog)
        after, errors = advanced(self, equations, state[: self.width], target - regressors @ equations.betas)
        ahead = self.regression_ahead(equations, exog, len(values)) if len(exog) else state[self.width :]
        return np.concatenate([after, ahead]), errors

    def regression_ahead(self, equations: "Equations", exog: FloatArray, bars: int) -> FloatArray:
        """What the regressors add to the bars ahead: of the rows after the values if there are any, else the last.

        Not finite of a row with a missing one: any number in its place would be a guess.
        """
        if not self.spec.exog:
            return np.zeros(1)
        ahead: FloatArray = exog[min(bars, len(exog) - 1) :] @ equations.betas
        return ahead

    def equations(self, parameters: FloatArray) -> "Equations":
        """The state space at parameters in the order of `names`."""
        (p, _, q), (sp, _, sq, s), at = self.spec.order, self.spec.seasonal, 0
        parts = []
        for count in (int(self.spec.mean == "constant"), len(self.spec.exog), p, q, sp, sq, 1):
            parts.append(parameters[at : at + count])
            at += count
        mean, betas, ar, ma, seasonal_ar, seasonal_ma, variance = parts
        phi = -_product(-ar, -seasonal_ar, s)[1:]
        transition = np.zeros((self.size, self.size))
        transition[: len(phi), 0] = phi
        transition[np.arange(self.size - 1), np.arange(1, self.size)] = 1.0
        theta = _product(ma, seasonal_ma, s)
        selection = np.concatenate([theta, np.zeros(self.size - len(theta))])
        intercept = float(mean[0]) * (1 - ar.sum()) * (1 - seasonal_ar.sum()) if len(mean) else 0.0
        return Equations(transition, selection, intercept, float(variance[0]), betas)


@dataclass(frozen=True)
class Equations:
    """w(t) = a(t)[0] + regression, a(t+1) = (intercept, 0, ...) + transition a(t) + selection e(t).

    Attributes:
        transition: (r, r).
        selection: (r,).
        intercept: of the ARMA recursion.
        variance: of the innovation.
        betas: of the regressors.
    """

    transition: FloatArray
    selection: FloatArray
    intercept: float
    variance: float
    betas: FloatArray


def _product(lags: FloatArray, seasonal: FloatArray, season: int) -> FloatArray:
    """Coefficients of (1 + lags(L)) (1 + seasonal(L^s)), that of lag 0 first."""
    spread = np.zeros(1 + season * len(seasonal))
    spread[0] = 1.0
    if len(seasonal):
        spread[season::season] = seasonal
    return np.convolve(np.concatenate([[1.0], lags]), spread)


def advanced(
    shape: Shape, equations: Equations, state: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Carry a state over new bars by the Kalman filter; a missing bar is predicted.

    Args:
        shape: of the model.
        equations: its parameters.
        state: (shape.width,).
        values: (m,) u of the new bars, NaN where missing.

    Returns:
        The state after them, and their (m,) one-step errors.
    """
    r, lags, weights = shape.size, shape.lags, shape.differencing[1:]
    level, spread = state[:r].copy(), state[r : r + r * r].reshape(r, r).copy()
    seen, filled = state[r + r * r :][:lags].copy(), state[r + r * r + lags :][:lags].copy()
    noise = equations.variance * np.outer(equations.selection, equations.selection)
    errors = np.full(len(values), np.nan)
    for t, value in enumerate(values):
        # sums over lags one after another, where a weight is 0 a missing lag does not matter
        before = sum(-weight * lag for weight, lag in zip(weights, seen, strict=True) if weight)
        expected = level[0] + sum(-weight * lag for weight, lag in zip(weights, filled, strict=True) if weight)
        error = value - before - level[0]
        level, ahead = equations.transition @ level, equations.transition @ spread
        level[0] += equations.intercept
        if np.isfinite(error):
            errors[t] = error
            gain = ahead[:, 0] / spread[0, 0]
            level += gain * error
            spread = ahead @ equations.transition.T + noise - np.outer(gain, ahead[:, 0])
        else:
            spread = ahead @ equations.transition.T + noise
        if lags:
            seen = np.concatenate([[value], seen[:-1]])
            filled = np.concatenate([[value if np.isfinite(value) else expected], filled[:-1]])
    return np.concatenate([level, spread.ravel(), seen, filled]), errors


def forecast(shape: Shape, equations: Equations, state: FloatArray, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Means of the next bars and the response to a unit innovation, (H,) each; parameters count as known."""
    r, lags, weights = shape.size, shape.lags, shape.differencing[1:]
    level, answer = state[:r], equations.selection
    ahead = state[shape.width :]
    past, echo = list(state[r + r * r + lags :][:lags]), [0.0] * lags
    means, response = np.empty(horizon), np.empty(horizon)
    for step in range(horizon):
        value = level[0] - sum(weight * lag for weight, lag in zip(weights, past, strict=True))
        response[step] = answer[0] - sum(weight * lag for weight, lag in zip(weights, echo, strict=True))
        means[step] = value + ahead[min(step, len(ahead) - 1)]
        past, echo = [value, *past][:lags], [response[step], *echo][:lags]
        level, answer = equations.transition @ level, equations.transition @ answer
        level[0] += equations.intercept
    return means, response

"""The variance equation as parameters and recursion; the recursion is carried on bar by bar, without arch."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from tradepipe.forecasting.model import FloatArray, ModelSpec

MEAN_SIZE: Final = math.sqrt(2 / math.pi)
"""E|z| of the normal law, which arch's EGARCH takes from |z| under any law."""
LARGEST_LOG: Final = 700.0
"""Of a variance: exp of more overflows."""


@dataclass(frozen=True)
class Parts:
    """Parameters of one series taken apart; indices of `names`.

    Attributes:
        spec: of a variance family.
    """

    spec: ModelSpec

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Those of arch, in its order."""
        (p, q), lags = self.spec.order, self.spec.autoregression
        constant = self.spec.mean == "constant"
        return (
            *(["Const" if lags else "mu"] if constant else []),
            *(f"y[{lag}]" for lag in range(1, lags + 1)),
            "omega",
            *(f"alpha[{lag}]" for lag in range(1, p + 1)),
            *(f"gamma[{lag}]" for lag in range(1, self.asymmetric + 1)),
            *(f"beta[{lag}]" for lag in range(1, q + 1)),
            *{"normal": (), "t": ("nu",), "skewt": ("eta", "lambda")}[self.spec.distribution],
        )

    @property
    def asymmetric(self) -> int:
        """Lags of the asymmetric term: as many as of the square."""
        return 0 if self.spec.family == "garch" else self.spec.order[0]

    @property
    def lags(self) -> int:
        """Bars that the variance looks back."""
        return max(self.spec.order)

    @property
    def width(self) -> int:
        """Of the state: newest values of the AR, then newest innovations and newest variances, newest first."""
        return self.spec.autoregression + 2 * self.lags

    def scaled(self, parameters: FloatArray, unit: float) -> FloatArray:
        """Parameters of the values times `unit`."""
        (p, q), found = self.spec.order, parameters.copy()
        place = self.names.index("omega")
        if self.spec.mean == "constant":
            found[0] *= unit
        if self.spec.family == "egarch":
            beta = found[place + 1 + p + self.asymmetric :][:q]
            found[place] += 2 * math.log(unit) * (1 - beta.sum())
        else:
            found[place] *= unit**2
        return found

    def variance_parts(self, parameters: FloatArray) -> tuple[float, FloatArray, FloatArray, FloatArray]:
        """Omega, alpha (p,), gamma (p,), beta (q,)."""
        (p, q), place = self.spec.order, self.names.index("omega") + 1
        gamma = parameters[place + p : place + p + self.asymmetric] if self.asymmetric else np.zeros(p)
        return (
            float(parameters[place - 1]),
            parameters[place : place + p],
            gamma,
            parameters[place + p + self.asymmetric :][:q],
        )

    def expected(self, parameters: FloatArray, past: FloatArray) -> float:
        """Mean of the next value after `past` ones, newest first."""
        constant = int(self.spec.mean == "constant")
        weights = parameters[constant : constant + self.spec.autoregression]
        return float((parameters[0] if constant else 0.0) + weights @ past)

    def law(self, parameters: FloatArray) -> tuple[float, float]:
        """Degrees of freedom, inf for the normal law, and Hansen's lambda."""
        if self.spec.distribution == "normal":
            return math.inf, 0.0
        return (
            (float(parameters[-1]), 0.0)
            if self.spec.distribution == "t"
            else (float(parameters[-2]), float(parameters[-1]))
        )

    def updated(self, values: FloatArray, parameters: FloatArray, state: FloatArray) -> FloatArray:
        """The state after new bars; a missing one is taken to be as it was expected, and as volatile."""
        past, after = self.spec.autoregression, state
        for value in values:
            expected = self.expected(parameters, after[:past])
            known = bool(np.isfinite(value))
            seen = [value if known else expected, *after[:past]][:past]
            after = self.following(parameters, after, value - expected if known else math.nan)
            after[:past] = seen
        return after

    def following(self, parameters: FloatArray, state: FloatArray, innovation: float) -> FloatArray:
        """The state after a bar's innovation, NaN for its expectation; values of the AR stay."""
        lags, past = self.lags, self.spec.autoregression
        variance = self.next_variance(parameters, state)
        innovations, variances = state[past : past + lags], state[past + lags :]
        newest = [[innovation, *innovations][:lags], [variance, *variances][:lags]]
        return np.concatenate([state[:past], *newest])

    def next_variance(self, parameters: FloatArray, state: FloatArray) -> float:
        """Of the bar after the state."""
        omega, alpha, gamma, beta = self.variance_parts(parameters)
        p, q = self.spec.order
        past, lags = self.spec.autoregression, self.lags
        innovations, variances = state[past : past + lags], state[past + lags :]
        known = np.isfinite(innovations)
        if self.spec.family == "egarch":
            shocks = np.where(known, innovations, 0.0) / np.sqrt(variances)
            sizes = np.where(known, np.abs(shocks) - MEAN_SIZE, 0.0)
            log = omega + alpha @ sizes[:p] + gamma @ shocks[:p] + beta @ np.log(variances[:q])
            return math.exp(min(float(log), LARGEST_LOG))
        squares = np.where(known, innovations**2, variances)
        below = np.where(known, squares * (innovations < 0), squares * self.downward_share(parameters))
        return float(omega + alpha @ squares[:p] + gamma @ below[:p] + beta @ variances[:q])

    def downward_share(self, parameters: FloatArray) -> float:
        """E[z^2; z < 0] of the standardised law: a half where it is symmetric (arch takes a half of any law)."""
        freedom, skew = self.law(parameters)
        if not skew:
            return 0.5
        from arch.univariate import SkewStudent  # noqa: PLC0415 - takes a second; a skewed law was fitted with it

        return float(SkewStudent().partial_moment(2, 0.0, np.array([freedom, skew])))

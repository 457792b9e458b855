"""What an ARMA specification is, and what its fits hold."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from tradepipe.forecasting.batched import filtering, fitting
from tradepipe.forecasting.batched.polynomials import (
    EVALUATIONS,
    HEIGHT,
    MEAN,
    NUMBERS,
    SEASONAL_PHI,
    SEASONAL_THETA,
    THETA,
    VARIANCE,
)
from tradepipe.forecasting.model import FloatArray, IntArray

HIGHEST, HIGHEST_SEASONAL = 3, 2


class FitStatus(IntEnum):
    """What became of one series of a batch."""

    FITTED = fitting.FITTED
    UNFINISHED = fitting.UNFINISHED
    SHORT = fitting.SHORT
    NOT_FINITE = fitting.NOT_FINITE
    CONSTANT = fitting.CONSTANT


@dataclass(frozen=True)
class ArmaOrder:
    """Orders of one specification.

    Attributes:
        p: lags of the value, 0 to 3.
        d: differences, 0 or 1.
        q: lags of the innovation, 0 to 3.
        mean: whether the (differenced) series has a mean; without, it is 0.
        seasonal: (P, D, Q, s), P and Q up to 2 and D up to 1, of s bars a season; s = 0: none.
        regressors: columns beside the values, differenced as they are.

    Raises:
        ValueError: an order that the compiled engine does not know.
    """

    p: int
    d: int
    q: int
    mean: bool = True
    seasonal: tuple[int, int, int, int] = (0, 0, 0, 0)
    regressors: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.p <= HIGHEST and 0 <= self.q <= HIGHEST and self.d in {0, 1}):
            raise ValueError(
                f"ARMA({self.p}, {self.d}, {self.q}) is not of the batched engine, which has p and q up to "
                f"{HIGHEST} and d up to 1; fit it by the reference engine"
            )
        lags, differences, errors, season = self.seasonal
        if not (0 <= lags <= HIGHEST_SEASONAL and 0 <= errors <= HIGHEST_SEASONAL and differences in {0, 1}):
            raise ValueError(
                f"season {self.seasonal} is not of the batched engine, which has P and Q up to {HIGHEST_SEASONAL} "
                f"and D up to 1; fit it by the reference engine"
            )
        if any(self.seasonal[:3]) and season <= max(self.p, self.q, 1):
            raise ValueError(
                f"season {self.seasonal} of {season} bars has lags that ({self.p}, {self.d}, {self.q}) has already; "
                f"give a longer season or fewer lags"
            )

    @property
    def shape(self) -> IntArray:
        """What the kernels want to know; see `polynomials.expand`."""
        lags, differences, errors, season = self.seasonal
        size = max(self.p + lags * season, self.q + errors * season, 1)
        depth = self.d + differences * season
        return np.array([self.p, self.q, lags, errors, season, self.d + 2 * differences, size, depth])

    @property
    def depth(self) -> int:
        """Values that go into the first difference beside its own."""
        return self.d + self.seasonal[1] * self.seasonal[3]

    @property
    def state_size(self) -> int:
        """Columns of a state; see `filtering`."""
        return int(filtering.HEAD + 3 * self.shape[6] + self.depth + self.regressors)


@dataclass(frozen=True)
class ArmaFits:
    """Fits of a batch, one row a series.

    Attributes:
        order: the specification.
        status: (series,) `FitStatus`. Of FITTED and UNFINISHED (evaluations ran out) the numbers are of use; a
            CONSTANT one has its value as mean and variance 0; the others have NaN.
        numbers: (series, NUMBERS + regressors), see `polynomials.NUMBERS`, in units of the values.
        inverses: (series, 6, 6) inverse Hessians at the end of the search, which a warm start takes up; NaN where there
            are none, as with seasons or regressors.
    """

    order: ArmaOrder
    status: IntArray
    numbers: FloatArray
    inverses: FloatArray | None = None

    @property
    def phi(self) -> FloatArray:
        """(series, p), of w(t) - mean = phi_1 (w(t-1) - mean) + ..."""
        return self.numbers[:, : self.order.p]

    @property
    def theta(self) -> FloatArray:
        """(series, q), of ... + e(t) + theta_1 e(t-1) + ..."""
        return self.numbers[:, THETA : THETA + self.order.q]

    @property
    def seasonal_phi(self) -> FloatArray:
        """(series, P), of 1 - Phi_1 B^s - ..."""
        return self.numbers[:, SEASONAL_PHI : SEASONAL_PHI + self.order.seasonal[0]]

    @property
    def seasonal_theta(self) -> FloatArray:
        """(series, Q), of 1 + Theta_1 B^s + ..."""
        return self.numbers[:, SEASONAL_THETA : SEASONAL_THETA + self.order.seasonal[2]]

    @property
    def coefficients(self) -> FloatArray:
        """(series, regressors), of the columns beside the values."""
        return self.numbers[:, NUMBERS:]

    @property
    def mean(self) -> FloatArray:
        """(series,) of the differenced values."""
        return self.numbers[:, MEAN]

    @property
    def variance(self) -> FloatArray:
        """(series,) of the innovations."""
        return self.numbers[:, VARIANCE]

    @property
    def log_likelihood(self) -> FloatArray:
        """(series,) exact and Gaussian, of the differenced values."""
        return self.numbers[:, HEIGHT]

    @property
    def evaluations(self) -> FloatArray:
        """(series,) of the likelihood."""
        return self.numbers[:, EVALUATIONS]

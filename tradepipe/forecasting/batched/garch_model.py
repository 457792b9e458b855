"""What a batched GARCH fit is asked for and what it answers."""

from dataclasses import dataclass
from typing import Literal

from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray

MEAN, OMEGA, ALPHA, GAMMA, BETA, NU = range(6)
"""Columns of `GarchFits.parameters`."""


@dataclass(frozen=True)
class GarchModel:
    """Which model.

    Attributes:
        asymmetric: GJR rather than GARCH.
        student: Student t innovations rather than normal ones.
        presample: e^2 and h before the first bar. "ewma": arch's, of the first 75 squared deviations from the sample
            mean (from zero where the mean is) with decay 0.94. "sample": the mean of the squared innovations
            (Fiorentini, Calzolari and Panattoni, Journal of Applied Econometrics 11, 1996), the rule of the published
            DEM/GBP benchmark.
        mean: "zero" for residuals: nothing is taken from the series, as arch's ZeroMean does.
    """

    asymmetric: bool = False
    student: bool = False
    presample: Literal["ewma", "sample"] = "ewma"
    mean: Literal["constant", "zero"] = "constant"

    @property
    def size(self) -> int:
        """How many coordinates a search has; with a mean of zero it never moves along the first."""
        return 4 + self.asymmetric + self.student


@dataclass(frozen=True)
class GarchFits:
    """Estimates, one row a series; also what the next fit starts from.

    Attributes:
        model: what was fitted.
        parameters: (series, 6), mean, omega, alpha, gamma, beta, nu in the units of the returns (omega: squared); gamma
            is 0 for GARCH, nu inf for the normal law. A row of NaN where `reasons` says why.
        log_likelihood: (series,), of the returns in the units given.
        observations: (series,).
        inverses: (series, size, size), inverse Hessians at the optimum, in the coordinates of the search.
        evaluations: (series,), likelihoods computed, over all starts.
        converged: (series,), whether the best start ended with a predicted gain below the tolerance.
        reasons: why a series was not fitted, None where it was.
    """

    model: GarchModel
    parameters: FloatArray
    log_likelihood: FloatArray
    observations: IntArray
    inverses: FloatArray
    evaluations: IntArray
    converged: BoolArray
    reasons: tuple[str | None, ...]

    @property
    def persistence(self) -> FloatArray:
        """(series,), alpha + gamma / 2 + beta."""
        return persistence_of(self.parameters)


def persistence_of(parameters: FloatArray) -> FloatArray:
    """The sum alpha + gamma / 2 + beta of every row of `parameters`."""
    return parameters[:, ALPHA] + 0.5 * parameters[:, GAMMA] + parameters[:, BETA]

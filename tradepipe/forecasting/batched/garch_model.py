"""What a batched GARCH fit is asked for and what it answers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tradepipe.forecasting.specs import FloatArray

IntArray = NDArray[np.int64]

MEAN, OMEGA, ALPHA, GAMMA, BETA, NU = range(6)
"""Columns of `GarchFits.parameters`."""


@dataclass(frozen=True)
class GarchModel:
    """Which model.

    Attributes:
        asymmetric: GJR rather than GARCH.
        student: Student t innovations rather than normal ones.
        presample: e^2 and h before the first bar. "ewma": arch's, of the first 75 squared deviations from the sample
            mean with decay 0.94. "sample": the mean of the squared innovations (Fiorentini, Calzolari and Panattoni,
            Journal of Applied Econometrics 11, 1996), the rule of the published DEM/GBP benchmark.
    """

    asymmetric: bool = False
    student: bool = False
    presample: Literal["ewma", "sample"] = "ewma"

    @property
    def size(self) -> int:
        """How many parameters are free."""
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
    converged: NDArray[np.bool_]
    reasons: tuple[str | None, ...]

    @property
    def persistence(self) -> FloatArray:
        """Persistence: alpha + gamma / 2 + beta."""
        p = self.parameters
        return p[:, ALPHA] + 0.5 * p[:, GAMMA] + p[:, BETA]

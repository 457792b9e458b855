"""GARCH with Student t innovations through arch: fitted on a training window, filtered beyond it.

Imports arch (a CPU second), so it is itself imported only by who fits a model.
"""

import math
from dataclasses import dataclass

import numpy as np
from arch import arch_model
from scipy.special import stdtrit

from tradepipe.forecasting.horizons import Garch
from tradepipe.forecasting.specs import FitRefusedError, FloatArray

LARGEST_VARIANCE_RATIO = 20.0
"""Fitted over observed mean variance in the training window: beyond this, either way, the fit is garbage."""


@dataclass(frozen=True)
class Volatility:
    """A fitted and filtered variance equation, in units of the innovations given.

    Attributes:
        model: the coefficients.
        variances: (n,); entry t is the variance of innovation t given t-1.
        degrees_of_freedom: of the Student t law.
        converged: what the optimiser said.
        parameters: estimates by arch's names.
    """

    model: Garch
    variances: FloatArray
    degrees_of_freedom: float
    converged: bool
    parameters: dict[str, float]

    @property
    def quantile_97_5(self) -> float:
        """Quantile of the law scaled to variance 1, as arch's is."""
        spread = math.sqrt((self.degrees_of_freedom - 2) / self.degrees_of_freedom)
        return float(stdtrit(self.degrees_of_freedom, 0.975)) * spread


def fit_volatility(innovations: FloatArray, fitted: int, order: tuple[int, int]) -> Volatility:
    """Fit GARCH(p, q) with mean zero to the first `fitted` innovations and filter all of them.

    arch's own `fix` would take the presample value and the bounds of the variance from the bars
    beyond the training window as well, which would be a look ahead. So its recursion is called
    with those of the training window, and without an upper bound beyond it.

    Args:
        innovations: (n,) finite, of a size near 1.
        fitted: length of the training window.
        order: (p, q): p lags of the squared innovation, q lags of the variance.

    Raises:
        FitRefusedError: the estimates are not finite, or their variance is far from the observed one.
        ValueError, ArithmeticError, RuntimeError: whatever arch raises.
    """
    p, q = order
    train = innovations[:fitted]
    model = arch_model(train, mean="Zero", vol="GARCH", p=p, q=q, dist="t", rescale=False)
    result = model.fit(update_freq=0, disp="off", show_warning=False)
    estimates = np.asarray(result.params, dtype=np.float64)
    if not np.isfinite(estimates).all():
        raise FitRefusedError("fit failed: the variance equation's parameters are not finite")
    process = model.volatility
    bounds = process.variance_bounds(train)
    beyond = np.tile([bounds[:, 0].min(), np.finfo(np.float64).max], (len(innovations) - fitted, 1))
    variances = np.empty_like(innovations)
    process.compute_variance(
        estimates[: 1 + p + q],
        innovations,
        variances,
        process.backcast(train),
        np.ascontiguousarray(np.concatenate([bounds, beyond])),
    )
    ratio = float(np.mean(variances[:fitted]) / np.mean(train**2))
    if not 1 / LARGEST_VARIANCE_RATIO <= ratio <= LARGEST_VARIANCE_RATIO:
        raise FitRefusedError(f"fit is garbage: its mean variance is {ratio:.3g} times the observed one")
    return Volatility(
        model=Garch(float(estimates[0]), alpha=estimates[1 : 1 + p], beta=estimates[1 + p : 1 + p + q]),
        variances=variances,
        degrees_of_freedom=float(estimates[-1]),
        converged=result.convergence_flag == 0,
        parameters=dict(zip(result.params.index, map(float, estimates), strict=True)),
    )

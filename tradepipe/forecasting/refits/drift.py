"""Whether a fit still describes the bars that came after it."""

import numpy as np

from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray
from tradepipe.settings.forecasts import DriftSettings

LEVEL = 0.95


class Watch:
    """One-step forecasts met by what came, bar by bar, over a partition's chain of one member.

    A symbol's newest bars are those since drift refitted it, and before that those since its chain began with the last
    ones of its first fit's window before them; a refit on schedule changes nothing about how well the bars before it
    were described.
    """

    def __init__(self, settings: DriftSettings, symbols: int) -> None:
        self.settings = settings
        self._heights = np.full((settings.bars, symbols), np.nan)
        self._inside = np.full((settings.bars, symbols), np.nan)

    def meet(
        self, symbols: IntArray, values: FloatArray, mean: FloatArray, variance: FloatArray, freedom: FloatArray
    ) -> None:
        """Take the return of each of `symbols` in, and the forecast made one bar before."""
        deviations = (values - mean) / np.sqrt(variance)
        inside = np.abs(deviations) <= upper_quantile(freedom)
        for seen, new in (
            (self._heights, log_density(deviations, freedom) - 0.5 * np.log(variance)),
            (self._inside, inside.astype(np.float64)),
        ):
            seen[:-1, symbols] = seen[1:, symbols]
            seen[-1, symbols] = new

    def drifted(self, symbols: IntArray, usual: FloatArray) -> BoolArray:
        """Which of `symbols` ask for a refit; none of which fewer bars were seen than the settings look at.

        Args:
            symbols: of one fit.
            usual: (symbols,) mean log-likelihood a bar over the training window; NaN where the law is not fitted.
        """
        told = self.settings
        fallen: BoolArray = self._heights[:, symbols].mean(axis=0) < usual - told.log_likelihood
        missed: BoolArray = np.abs(self._inside[:, symbols].mean(axis=0) - LEVEL) > told.coverage
        return (fallen & (told.log_likelihood > 0)) | (missed & (told.coverage > 0))

    def forget(self, symbols: IntArray) -> None:
        """Begin anew: these were refitted."""
        self._heights[:, symbols] = np.nan
        self._inside[:, symbols] = np.nan


def log_density(deviations: FloatArray, freedom: FloatArray) -> FloatArray:
    """Of the normal law (freedom inf) or the Student t law scaled to variance 1; Bollerslev (1987)."""
    from scipy.special import gammaln  # noqa: PLC0415 - a second

    normal = -0.5 * (np.log(2 * np.pi) + deviations**2)
    nu = np.where(np.isfinite(freedom), freedom, 10.0)
    constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * (nu - 2))
    student = constant - (nu + 1) / 2 * np.log1p(deviations**2 / (nu - 2))
    return np.asarray(np.where(np.isfinite(freedom), student, normal))


def upper_quantile(freedom: FloatArray) -> FloatArray:
    """97.5 % quantile of the same law."""
    from scipy.special import ndtri, stdtrit  # noqa: PLC0415

    nu = np.where(np.isfinite(freedom), freedom, 10.0)
    upper = 0.5 + LEVEL / 2
    student = stdtrit(nu, upper) * np.sqrt((nu - 2) / nu)
    return np.asarray(np.where(np.isfinite(freedom), student, ndtri(upper)))

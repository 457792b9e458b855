"""Whether a fit still describes the bars that came after it."""

from dataclasses import dataclass, field

import numpy as np

from tradepipe.forecasting.model import BoolArray, FloatArray
from tradepipe.settings.forecasts import DriftSettings

LEVEL = 0.95


@dataclass
class Watch:
    """One-step forecasts met by what came, bar by bar, of the symbols of one fit.

    Attributes:
        settings: what is looked for.
        usual: (symbols,) mean log-likelihood a bar over the training window; NaN where the law is not fitted.
    """

    settings: DriftSettings
    usual: FloatArray
    _heights: list[FloatArray] = field(default_factory=list)
    _inside: list[FloatArray] = field(default_factory=list)

    def meet(self, values: FloatArray, mean: FloatArray, variance: FloatArray, freedom: FloatArray) -> None:
        """Take a bar of each symbol in: its return, NaN where it had none, and the forecast made one bar before."""
        deviations = (values - mean) / np.sqrt(variance)
        self._heights.append(log_density(deviations, freedom) - 0.5 * np.log(variance))
        self._inside.append(np.where(np.isnan(deviations), np.nan, np.abs(deviations) <= upper_quantile(freedom)))

    def drifted(self) -> BoolArray:
        """(symbols,) whose newest bars ask for a refit; those with fewer bars than the settings ask for do not."""
        settings, count = self.settings, len(self.usual)
        if not self._heights or (not settings.log_likelihood and not settings.coverage):
            return np.zeros(count, dtype=np.bool_)
        heights, inside = (_newest(np.array(one), settings.bars) for one in (self._heights, self._inside))
        fallen: BoolArray = heights.mean(axis=0) < self.usual - settings.log_likelihood
        missed: BoolArray = np.abs(inside.mean(axis=0) - LEVEL) > settings.coverage
        return (fallen & (settings.log_likelihood > 0)) | (missed & (settings.coverage > 0))


def _newest(steps: FloatArray, bars: int) -> FloatArray:
    """(bars, symbols): the newest values that are there of each symbol; NaN on top where there are fewer."""
    order = np.argsort(~np.isnan(steps), axis=0, kind="stable")  # missing ones first, the others as they came
    ordered = np.take_along_axis(steps, order, axis=0)[-bars:]
    lacking = np.full((bars - len(ordered), steps.shape[1]), np.nan)
    return np.concatenate([lacking, ordered])


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

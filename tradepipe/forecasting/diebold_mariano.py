"""The Diebold-Mariano test of equal forecast accuracy."""

import math
from dataclasses import dataclass

import numpy as np

from tradepipe.forecasting.specs import FloatArray


@dataclass(frozen=True)
class DieboldMariano:
    """Result of the test; both null when the losses cannot be told apart or are too few.

    Attributes:
        statistic: negative when the first forecast has the smaller loss.
        p_value: two-sided.
    """

    statistic: float | None = None
    p_value: float | None = None


def diebold_mariano(loss_difference: FloatArray, horizon: int) -> DieboldMariano:
    """Test that the mean loss difference is zero.

    Diebold & Mariano (1995), "Comparing predictive accuracy", J. Business & Economic Statistics 13:
    the long-run variance sums autocovariances up to lag h-1 with equal weights, since errors of
    optimal h-step forecasts overlap that far. Where that sum is not positive, Bartlett weights
    1 - k/h take its place. Harvey, Leybourne & Newbold (1997), "Testing the equality of prediction
    mean squared errors", Int. J. Forecasting 13: the statistic is multiplied by
    sqrt((n + 1 - 2h + h(h-1)/n) / n) and compared with Student t of n-1 degrees of freedom.

    Args:
        loss_difference: (n,) loss of the first forecast minus loss of the second, in time order.
        horizon: h, bars ahead.

    Returns:
        The test; without numbers when n <= 2h or all differences are equal.
    """
    count = len(loss_difference)
    mean = float(np.mean(loss_difference)) if count else 0.0
    centred = loss_difference - mean
    if count <= 2 * horizon or not np.any(np.abs(centred) > np.finfo(np.float64).eps * abs(mean)):
        return DieboldMariano()
    from scipy.special import stdtr  # noqa: PLC0415 - the library's import stays light

    lags = np.arange(1, horizon)
    covariances = np.array([float(np.sum(centred[k:] * centred[: count - k])) / count for k in range(horizon)])
    long_run = covariances[0] + 2 * covariances[1:].sum()
    if long_run <= 0:
        long_run = covariances[0] + 2 * ((1 - lags / horizon) * covariances[1:]).sum()
    correction = (count + 1 - 2 * horizon + horizon * (horizon - 1) / count) / count
    statistic = mean / math.sqrt(long_run / count) * math.sqrt(correction)
    return DieboldMariano(statistic, 2 * float(stdtr(count - 1, -abs(statistic))))

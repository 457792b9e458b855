"""The Diebold-Mariano test of equal forecast accuracy."""

import math
from dataclasses import dataclass

import numpy as np

from tradepipe.forecasting.model import FloatArray, IntArray

_ROUNDING = 1e-24
"""Long-run variance of differences of size 1 below which there is nothing but rounding."""


@dataclass(frozen=True)
class DieboldMariano:
    """Result of the test; both null when the losses cannot be told apart or are too few.

    Attributes:
        statistic: negative when the first forecast has the smaller loss.
        p_value: two-sided.
    """

    statistic: float | None = None
    p_value: float | None = None


def diebold_mariano(
    loss_difference: FloatArray, horizon: int, counts: FloatArray | IntArray | None = None
) -> DieboldMariano:
    """Test that the mean loss difference is zero.

    Diebold & Mariano (1995), "Comparing predictive accuracy", J. Business & Economic Statistics 13:
    the long-run variance sums autocovariances up to lag h-1 with equal weights, since errors of
    optimal h-step forecasts overlap that far. Where that sum is not positive, Bartlett weights
    1 - k/h take its place. Harvey, Leybourne & Newbold (1997), "Testing the equality of prediction
    mean squared errors", Int. J. Forecasting 13: the statistic is multiplied by
    sqrt((n + 1 - 2h + h(h-1)/n) / n) and compared with Student t of n-1 degrees of freedom.

    Of many series at once, forecasts of one time are no independent witnesses: differences are summed
    over the series first, and the variance is that of the sums in time (Driscoll & Kraay 1998,
    "Consistent covariance matrix estimation with spatially dependent panel data", Rev. Economics and
    Statistics 80). n is the number of times with a forecast; a time without any keeps its place, so
    that lags are true ones.

    Args:
        loss_difference: (times,) loss of the first forecasts minus loss of the second, summed over
            series, in time order.
        horizon: h, bars ahead.
        counts: (times,) forecasts in each sum; None: one each.

    Returns:
        The test; without numbers when n <= 2h or the differences do not vary.
    """
    counts = np.ones(len(loss_difference)) if counts is None else counts
    seen = int(np.count_nonzero(counts))
    largest = float(np.max(np.abs(loss_difference), initial=0.0))
    if seen <= 2 * horizon or largest == 0:
        return DieboldMariano()
    # The statistic does not depend on the unit of the loss; squares of tiny losses would be zero.
    scaled = loss_difference / largest
    mean = float(np.sum(scaled) / np.sum(counts))
    centred = scaled - mean * counts
    lags = np.arange(1, horizon)
    times = len(centred)
    covariances = np.array([float(np.sum(centred[k:] * centred[: times - k])) / seen for k in range(horizon)])
    long_run = covariances[0] + 2 * covariances[1:].sum()
    if long_run <= _ROUNDING:
        long_run = covariances[0] + 2 * ((1 - lags / horizon) * covariances[1:]).sum()
    if long_run <= _ROUNDING:
        return DieboldMariano()
    from scipy.special import stdtr  # noqa: PLC0415 - the library's import stays light

    correction = (seen + 1 - 2 * horizon + horizon * (horizon - 1) / seen) / seen
    statistic = float(np.sum(scaled)) / seen / math.sqrt(long_run / seen) * math.sqrt(correction)
    return DieboldMariano(statistic, 2 * float(stdtr(seen - 1, -abs(statistic))))

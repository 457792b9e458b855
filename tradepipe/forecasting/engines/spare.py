"""The variance that stands beside every variance equation, in case that its forecast is of no use: RiskMetrics' EWMA.

h(t+1) = decay h(t) + (1 - decay) r(t)^2 (RiskMetrics Technical Document, 4th ed., 1996, section 5.2), as the baseline
engine has it but for the start: only the newest bars are looked at, by which time any start has faded to 1e-12.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from tradepipe.forecasting.engines.baselines import LARGEST
from tradepipe.forecasting.model import FloatArray

UNKNOWN: Final = -1.0
"""Variance of a series of which nothing is known."""
_FADED: Final = 1e-12


def expected(values: Sequence[FloatArray], decay: float) -> FloatArray:
    """Variance of the next bar (series,), `UNKNOWN` of a series without a value.

    Args:
        values: 1-D arrays, oldest first; what is not finite or beyond `LARGEST` is left out.
        decay: a bar, between 0 and 1.
    """
    bars = math.ceil(math.log(_FADED) / math.log(decay))
    weights = decay ** np.arange(bars)[::-1]
    found = np.full(len(values), UNKNOWN)
    for row, series in enumerate(values):
        newest = series[-bars:]
        sound = np.abs(newest) <= LARGEST
        if not sound.all():
            newest = series[np.abs(series) <= LARGEST][-bars:]
        if len(newest):
            each = weights[bars - len(newest) :]
            found[row] = float((newest * newest * each).sum()) / float(each.sum())
    return found


def carried(before: FloatArray, values: Sequence[FloatArray], decay: float) -> FloatArray:
    """The variance (series,) after new bars, of which each series may have another number."""
    after = before.copy()
    for row in range(max((len(series) for series in values), default=0)):
        new = np.array([series[row] if len(series) > row else math.nan for series in values])
        known = np.abs(new) <= LARGEST
        squares = np.where(known, new, 0.0) ** 2
        moved = np.where(after < 0, squares, decay * after + (1 - decay) * squares)
        after = np.where(known, moved, after)
    return after

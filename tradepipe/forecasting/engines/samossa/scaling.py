"""Means, standard deviations and standardised values of many series, as kernels."""

from typing import Final

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.engines.samossa.eigen import dot
from tradepipe.forecasting.model import FloatArray

_STILL: Final = 1e-10
"""Standard deviation, as a share of the largest value, that counts as none."""


@compiled
def measure(block: FloatArray, bars: int, center: FloatArray, scale: FloatArray) -> None:
    """Mean and standard deviation of the first `bars` of each row of `block`, into `center` and `scale`.

    Where there is no deviation to speak of, or values are missing, it is inf.
    """
    ones, apart, sums = np.ones(bars), np.empty(bars), np.empty(bars)
    for row in range(len(block)):
        values = block[row]
        mean = dot(values, ones, bars, sums) / bars
        for t in range(bars):
            apart[t] = values[t] - mean
        spread = np.sqrt(dot(apart, apart, bars, sums) / bars)
        largest = abs(mean) + spread * np.sqrt(float(bars))  # not less than it is
        if not spread > _STILL * largest:
            largest = 0.0
            for t in range(bars):
                largest = max(largest, abs(values[t]))
        center[row], scale[row] = mean, spread if spread > _STILL * largest else np.inf


@compiled
def standardise(block: FloatArray, center: FloatArray, scale: FloatArray, standard: FloatArray) -> None:
    """The first bars of each row of `block`, as many as `standard` has, less `center`, over `scale`."""
    for row in range(len(standard)):
        mean, spread = center[row], scale[row]
        for t in range(standard.shape[1]):
            standard[row, t] = (block[row, t] - mean) / spread

"""Sums over the newest bars, whose last digit does not depend on what else is computed."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tradepipe.forecasting.model import FloatArray, IntArray


def windows(series: FloatArray, origins: IntArray, length: int) -> FloatArray:
    """The newest entries of `series` (P,) up to each of `origins`: (n, length), zeros where it had not begun."""
    padded = np.concatenate([np.zeros(length - 1), series])
    found: FloatArray = sliding_window_view(padded, length)[origins]
    return found


def newest(series: FloatArray, origins: IntArray, length: int) -> FloatArray:
    """Sums of those: (n,). A running total would carry the digits of where it began."""
    sums: FloatArray = windows(series, origins, length).sum(axis=1)
    return sums

"""Sums over symbols and over the newest bars, whose last digit does not depend on what else is computed."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tradepipe.forecasting.ensemble.panel import HorizonPanel
from tradepipe.forecasting.model import FloatArray, IntArray


class Errors:
    """The forecasts of a panel whose errors became known, in the order of origin and symbol.

    Args:
        panel: P positions, S symbols.
        origins: (n,) positions from which one looks back.
        length: positions that one looks back on, the origin's own included.
    """

    def __init__(self, panel: HorizonPanel, origins: IntArray, length: int) -> None:
        known = panel.known.ravel()
        self._rows = np.flatnonzero(known >= 0)
        self._at = known[self._rows]
        self._positions, self._origins, self._length = len(panel.known), origins, length

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Those of `values` (P, S) that belong to these forecasts: (errors,)."""
        return values.ravel()[self._rows]

    def by_position(self, values: FloatArray) -> FloatArray:
        """Sum of `values` (errors,) over the errors that became known at each position: (P,).

        Added one after another, so that columns of symbols that have no forecast there change nothing.
        """
        sums: FloatArray = np.bincount(self._at, values, minlength=self._positions).astype(np.float64)
        return sums

    def windows(self, series: FloatArray) -> FloatArray:
        """The newest entries of `series` (P,) at each origin: (n, length), zeros where it had not begun."""
        padded = np.concatenate([np.zeros(self._length - 1), series])
        windows: FloatArray = sliding_window_view(padded, self._length)[self._origins]
        return windows

    def newest(self, series: FloatArray) -> FloatArray:
        """Sums of those: (n,). A running total would carry the digits of where it began."""
        sums: FloatArray = self.windows(series).sum(axis=1)
        return sums

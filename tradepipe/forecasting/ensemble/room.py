"""Columns of frames as arrays of one length, out of few large blocks.

The operating system clears what it hands out: large blocks in large pages, many small ones page by page, which costs
as much as all that is computed of the columns.
"""

import threading
from typing import Final, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.forecasting.model import FloatArray, IntArray

_AT_ONCE: Final = 8

_Number = TypeVar("_Number", np.float64, np.int64)


class Room:
    """Arrays with an entry a row of a frame; what they hold at first is arbitrary. Threads may share it."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._free: list[FloatArray] = []
        self._taking = threading.Lock()

    def floats(self) -> FloatArray:
        """(rows,)."""
        with self._taking:
            if not self._free:
                self._free += list(np.empty((_AT_ONCE, self.rows)))
            return self._free.pop()

    def integers(self) -> IntArray:
        """(rows,)."""
        return self.floats().view(np.int64)

    def give_back(self, *arrays: FloatArray | IntArray) -> None:
        """Have `arrays` handed out again."""
        self._free += [one.view(np.float64) for one in arrays]

    def column(self, values: pl.Series) -> FloatArray:
        """A column of numbers."""
        return _filled(values, self.floats())

    def whole(self, values: pl.Series) -> IntArray:
        """A column of whole numbers."""
        return _filled(values, self.integers())

    def micros(self, values: pl.Series) -> IntArray:
        """A column of times as microseconds since 1970."""
        return self.whole(values.dt.epoch("us"))


def _filled(values: pl.Series, array: NDArray[_Number]) -> NDArray[_Number]:
    """`array` with the values in it: a frame's own memory may be in pieces, and may not be written to."""
    begin = 0
    for chunk in values.get_chunks():
        array[begin : begin + len(chunk)] = chunk.to_numpy()
        begin += len(chunk)
    return array

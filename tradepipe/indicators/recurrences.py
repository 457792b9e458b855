"""Building blocks of live indicators: dataclasses of plain numbers and lists, updated one value at a time.

Each repeats its kernel's arithmetic in the same order of operations, so that live and batch values agree.
"""

from dataclasses import dataclass, field
from math import nan


@dataclass
class WindowMoments:
    """Mean and sum of squared deviations of the last `period` values; see `kernels.windows` for the method."""

    period: int
    block: list[float] = field(default_factory=list)
    anchor: float | None = None
    head: float = 0.0
    head_squares: float = 0.0
    tail: list[float] = field(default_factory=list)
    tail_squares: list[float] = field(default_factory=list)

    def update(self, value: float) -> tuple[float, float]:
        """Both moments of the window that ends with `value`; NaN before the first full window."""
        self.block.append(value)
        if len(self.block) == self.period:
            return self._close_block()
        if self.anchor is None:
            self.anchor = value
        shifted = value - self.anchor
        self.head += shifted
        self.head_squares += shifted * shifted
        if not self.tail:
            return nan, nan
        k = len(self.block)
        return self._moments(self.tail[k] + self.head, self.tail_squares[k] + self.head_squares, self.anchor)

    def _close_block(self) -> tuple[float, float]:
        self.anchor = self.block[-1]
        total, total_squares = 0.0, 0.0
        self.tail, self.tail_squares = [0.0] * self.period, [0.0] * self.period
        for k in range(self.period - 1, -1, -1):
            shifted = self.block[k] - self.anchor
            total += shifted
            total_squares += shifted * shifted
            self.tail[k], self.tail_squares[k] = total, total_squares
        self.block = []
        self.head, self.head_squares = 0.0, 0.0
        return self._moments(total, total_squares, self.anchor)

    def _moments(self, total: float, total_squares: float, anchor: float) -> tuple[float, float]:
        offset = total / self.period
        return anchor + offset, max(total_squares - total * offset, 0.0)


@dataclass
class SeededAverage:
    """Recursive average: the mean of the first `period` values, then `average += weight * (value - average)`."""

    period: int
    weight: float
    count: int = 0
    average: float = 0.0

    def update(self, value: float) -> float:
        """The average including `value`; NaN before the seed."""
        if self.count >= self.period:
            self.average += self.weight * (value - self.average)
            return self.average
        self.count += 1
        self.average += value  # the sum, until the seed
        if self.count < self.period:
            return nan
        self.average /= self.period
        return self.average

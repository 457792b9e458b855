"""Live indicators: the kernels of the batch, one bar at a time.

A series keeps the bars that its kernel reads again and the numbers that it carries on; see
`tradepipe.indicators.kernels`.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tradepipe.indicators.errors import IndicatorError, IndicatorInputError
from tradepipe.indicators.model import BoundIndicator


class State:
    """The live form of a bound indicator over one series. Feed it closed bars in time order."""

    def __init__(self, bound: BoundIndicator) -> None:
        self.bound = bound
        self.seen = 0
        self._context = bound.context
        self._bars = np.empty((len(bound.inputs), 2 * self._context + 2))
        self._end = 0
        self._memory = np.zeros((1, bound.memory))
        self._series = np.zeros((1, 5), np.int64)
        self._outputs = [np.empty(self._bars.shape[1]) for _ in bound.described]
        self._columns = tuple(output.name for output in bound.described)
        read_only = self._bars.view()
        read_only.flags.writeable = False
        self._arguments = (self._series, self._memory, *read_only, *bound.values, *self._outputs)

    def update(self, bar: Mapping[str, Any]) -> dict[str, float | None]:
        """Values at the close of `bar`, by column; None while warming up or undefined.

        Args:
            bar: the indicator's inputs by name, such as a row of the bars; other keys are ignored.

        Raises:
            IndicatorInputError: an input is missing or not a finite number; the state has not changed.
        """
        values = []
        for name in self.bound.inputs:
            value = bar.get(name)
            if value is None or not math.isfinite(value):
                raise IndicatorInputError(
                    f"{self.bound.text}: {name} is {value}; a state takes finite numbers only. Remedy: leave the bar "
                    "out, as the bars contract does."
                )
            values.append(float(value))
        if self._end == self._bars.shape[1]:
            self._bars[:, : self._context] = self._bars[:, self._end - self._context :]
            self._end = self._context
        row = self._end
        self._bars[:, row] = values
        kept = min(self._context, self.seen)
        self._series[0] = (row - kept, row, row + 1, self.seen, 0)
        self.bound.indicator.kernel(*self._arguments)
        self._end, self.seen = row + 1, self.seen + 1
        results = (float(output[row]) for output in self._outputs)
        return {
            column: None if math.isnan(result) else result
            for column, result in zip(self._columns, results, strict=True)
        }

    def save(self) -> dict[str, Any]:
        """The state as plain data that JSON can carry without loss; see `restore`."""
        kept = min(self._context, self.seen)
        return {
            "indicator": self.bound.text,
            "seen": self.seen,
            "bars": self._bars[:, self._end - kept : self._end].tolist(),
            "memory": self._memory[0].tolist(),
        }

    @classmethod
    def restore(cls, bound: BoundIndicator, saved: Mapping[str, Any]) -> "State":
        """The series that `save` saved.

        Raises:
            IndicatorError: when it was saved by another indicator, other parameters or another form of the kernel.
        """
        if saved.get("indicator") != bound.text:
            raise IndicatorError(
                f"the saved state is of {saved.get('indicator')!r}, not of {bound.text!r}; restore it with its own "
                "indicator, or start anew and update it with at least the lookback's bars"
            )
        state = cls(bound)
        bars, memory, seen = (
            np.array(saved["bars"], np.float64),
            np.array(saved["memory"], np.float64),
            int(saved["seen"]),
        )
        kept = min(bound.context, seen)
        if bars.shape != (len(bound.inputs), kept) or memory.shape != (bound.memory,):
            raise IndicatorError(f"the saved state of {bound.text} has another form; start anew")
        state._bars[:, :kept], state._memory[0], state.seen, state._end = bars, memory, seen, kept
        return state

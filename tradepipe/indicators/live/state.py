"""One live indicator over one series: the kernel of the batch, one bar at a time.

A series keeps the bars that its kernel reads again and the numbers that it carries on; see
`tradepipe.indicators.kernels`. For many symbols or indicators at once see `tradepipe.indicators.live.live`.
"""

import datetime as dt
import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from tradepipe.compiling.stamps import meaning_of
from tradepipe.indicators.errors import IndicatorError, IndicatorInputError
from tradepipe.indicators.inputs import OUTSIDE_INPUTS
from tradepipe.indicators.live.saved import ANEW
from tradepipe.indicators.model import BoundIndicator

EPOCH = dt.date(1970, 1, 1).toordinal()
_TIME = dt.datetime | int


class State:
    """The live form of a bound indicator over one series. Feed it closed bars in time order.

    Its values have all digits; the layer keeps most as float32, and `Live.update(..., stored=True)` gives those.
    """

    def __init__(self, bound: BoundIndicator) -> None:
        self.bound = bound
        self.seen = 0
        self._last: Any = None
        self._context = bound.context
        self._inputs = bound.inputs
        self._bars = np.empty((len(bound.inputs), 2 * self._context + 64))
        self._end = 0
        self._memory = np.zeros((1, bound.memory))
        self._series = np.zeros((1, 5), np.int64)
        self._outputs = [np.empty(self._bars.shape[1]) for _ in bound.described]
        self._columns = tuple(output.name for output in bound.described)
        self._kernel = bound.indicator.kernel
        read_only = self._bars.view()
        read_only.flags.writeable = False
        self._arguments = (self._series, self._memory, *read_only, *bound.values, *self._outputs)

    def update(self, bar: Mapping[str, Any]) -> dict[str, float | None]:
        """Values at the close of `bar`, by column; None while warming up or undefined.

        Args:
            bar: the indicator's inputs by name, such as a row of the bars; other keys are ignored. `session` is a
                date, or days since 1970-01-01. A bar that lacks an input from outside (`OUTSIDE_INPUTS`)
                is no part of the indicator's series: every value is None, and the state does not change.
                With an `open_time` (a datetime, or a whole number such as microseconds since 1970) it must come after
                the bar before; without one, bars in the wrong order go unnoticed.

        Raises:
            IndicatorInputError: an input is missing or not a finite number, or the bar is no newer than the last; the
                state has not changed.
        """
        open_time = bar.get("open_time")
        if open_time is not None:
            self._refuse_late(open_time)
        values: list[Any] = [bar.get(name) for name in self._inputs]
        try:
            finite = all(map(math.isfinite, values))
        except TypeError:  # a date, nothing, or no number at all
            finite = False
        if not finite:
            if any(value is None and name in OUTSIDE_INPUTS for name, value in zip(self._inputs, values, strict=True)):
                self._numbers(values)
                return dict.fromkeys(self._columns)
            values = self._numbers(values)
        row = self._end
        if row == self._bars.shape[1]:
            row = self._context
            self._bars[:, :row] = self._bars[:, self._end - row :]
        self._bars[:, row] = values
        first = row - min(self._context, self.seen)
        self._series[0] = (first, row, row + 1, self.seen, 0)
        self._kernel(*self._arguments)
        self._end, self.seen = row + 1, self.seen + 1
        if open_time is not None:
            self._last = open_time
        results = [output.item(row) for output in self._outputs]
        return {
            column: result if result == result else None  # noqa: PLR0124 - NaN alone differs from itself
            for column, result in zip(self._columns, results, strict=True)
        }

    def _refuse_late(self, open_time: Any) -> None:
        if not isinstance(open_time, _TIME):
            raise IndicatorInputError(f"{self.bound.text}: open_time is {open_time!r}, no datetime and no whole number")
        try:
            late = self._last is not None and open_time <= self._last
        except TypeError:  # a number after a datetime; one with a time zone after one without
            late = True
        if late:
            raise IndicatorInputError(
                f"{self.bound.text}: open_time {open_time} does not come after that of the bar before, {self._last}. "
                "Remedy: leave out bars that were seen; to correct one, restore a state from before it."
            )

    def _numbers(self, values: list[Any]) -> list[float]:
        """`values` as numbers, inputs from outside that are missing left out.

        Raises:
            IndicatorInputError: one is not a finite number.
        """
        found = []
        for name, value in zip(self._inputs, values, strict=True):
            if value is None and name in OUTSIDE_INPUTS:
                continue
            days = value.toordinal() - EPOCH if name == "session" and isinstance(value, dt.date) else value
            if not isinstance(days, numbers.Real) or not math.isfinite(days):
                raise IndicatorInputError(
                    f"{self.bound.text}: {name} is {value}; a state takes finite numbers only. Remedy: leave the bar "
                    "out, as the bars contract does."
                )
            found.append(float(days))
        return found

    def save(self) -> dict[str, Any]:
        """The state as plain data that JSON can carry without loss; see `restore`."""
        kept = min(self._context, self.seen)
        return {
            "indicator": self.bound.text,
            "kernel": meaning_of(self.bound.indicator.kernel),
            "open_time": self._last.isoformat() if isinstance(self._last, dt.datetime) else self._last,
            "seen": self.seen,
            "bars": self._bars[:, self._end - kept : self._end].tolist(),
            "memory": self._memory[0].tolist(),
        }

    @classmethod
    def restore(cls, bound: BoundIndicator, saved: Mapping[str, Any]) -> "State":
        """The series that `save` saved.

        Raises:
            IndicatorError: when it was saved by another indicator, other parameters or another kernel, or is damaged.
        """
        if saved.get("indicator") != bound.text:
            raise IndicatorError(
                f"the saved state is of {saved.get('indicator')!r}, not of {bound.text!r}; restore it with its own "
                f"indicator, or {ANEW}"
            )
        if saved.get("kernel") != meaning_of(bound.indicator.kernel):
            raise IndicatorError(f"the kernel of {bound.text} has changed since the state was saved; {ANEW}")
        state = cls(bound)
        try:
            seen, last = int(saved["seen"]), saved["open_time"]
            bars, memory = np.array(saved["bars"], np.float64), np.array(saved["memory"], np.float64)
            state._last = dt.datetime.fromisoformat(last) if isinstance(last, str) else last
        except (KeyError, TypeError, ValueError):
            raise IndicatorError(f"the saved state of {bound.text} has another form; start anew") from None
        kept = min(bound.context, seen)
        if seen < 0 or bars.shape != (len(bound.inputs), kept) or memory.shape != (bound.memory,):
            raise IndicatorError(f"the saved state of {bound.text} has another form; start anew")
        if not np.isfinite(bars).all() or not np.isfinite(memory).all():
            raise IndicatorError(f"the saved state of {bound.text} is damaged; {ANEW}")
        state._bars[:, :kept], state._memory[0], state.seen, state._end = bars, memory, seen, kept
        return state

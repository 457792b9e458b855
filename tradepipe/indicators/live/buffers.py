"""The series of many symbols between updates: the bars that kernels read again and the numbers they carry."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.inputs import OUTSIDE_INPUTS
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.model import BoundIndicator

Floats = NDArray[np.float64]
Slots = NDArray[np.int64]


class Buffers:
    """Series of indicators that are updated by the same bars, one series a symbol.

    A symbol's bars lie in a row of `width` places, oldest first. When the row is full the newest `context`
    of them move to its front, so that moving costs a fraction of a bar an update.
    """

    def __init__(self, bound: Sequence[BoundIndicator], symbols: int) -> None:
        self.bound = tuple(bound)
        self.inputs = tuple(dict.fromkeys(name for one in bound for name in one.inputs))
        self.outside = tuple(name for name in self.inputs if name in OUTSIDE_INPUTS)
        self._context = max(one.context for one in bound)
        self._width = self._context + self._context // 2 + 64
        self._seen = np.zeros(symbols, np.int64)
        self._end = np.zeros(symbols, np.int64)
        self._bars = np.zeros((len(self.inputs), symbols, self._width))
        self._flat = self._bars.reshape(len(self.inputs), -1)
        read_only = self._flat.view()
        read_only.flags.writeable = False
        self._read = dict(zip(self.inputs, read_only, strict=True))
        self._memories = [np.zeros((symbols, one.memory)) for one in bound]
        self._written = np.empty((max(len(one.described) for one in bound), symbols * self._width))

    def update(self, slots: Slots, values: Mapping[str, Floats]) -> dict[BoundIndicator, tuple[Floats, ...]]:
        """One more bar of each of the symbols in `slots`; the outputs, NaN where there is none.

        Bars without all inputs from outside are no part of the series.
        """
        whole = np.ones(len(slots), np.bool_)
        for name in self.outside:
            whole &= ~np.isnan(values[name])
        if whole.all():
            return dict(zip(self.bound, self._updated(slots, [values[name] for name in self.inputs]), strict=True))
        found = self._updated(slots[whole], [values[name][whole] for name in self.inputs])
        return {
            one: tuple(_spread(output, whole) for output in outputs)
            for one, outputs in zip(self.bound, found, strict=True)
        }

    def _updated(self, slots: Slots, values: Sequence[Floats]) -> list[tuple[Floats, ...]]:
        if not len(slots):
            return [tuple(np.empty(0) for _ in one.described) for one in self.bound]
        rows = slots * self._width + self._room(slots)
        self._flat[:, rows] = values
        seen = self._seen[slots]
        series = np.empty((len(slots), 5), np.int64)
        series[:, FRESH], series[:, STOP], series[:, SEEN], series[:, SLOT] = rows, rows + 1, seen, slots
        found = []
        for one, memory in zip(self.bound, self._memories, strict=True):
            series[:, FIRST] = rows - np.minimum(one.context, seen)
            written = self._written[: len(one.described)]
            one.indicator.kernel(series, memory, *(self._read[name] for name in one.inputs), *one.values, *written)
            found.append(tuple(written[:, rows]))
        self._seen[slots] += 1
        self._end[slots] += 1
        return found

    def _room(self, slots: Slots) -> Slots:
        """Where in its row each symbol's next bar goes."""
        full = slots[self._end[slots] == self._width]
        if len(full):
            self._bars[:, full, : self._context] = self._bars[:, full, self._width - self._context :]
            self._end[full] = self._context
        return self._end[slots]

    def kept(self) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
        """What is carried on, a row a symbol: bars seen; the newest `context` bars, newest last; the memories."""
        places = self._end[:, None] + np.arange(-self._context, 0)
        bars = np.take_along_axis(self._bars, np.maximum(places, 0)[None], axis=2)
        bars[:, places < 0] = 0.0
        return {"seen": self._seen.copy(), "bars": bars.swapaxes(0, 1), "memory": np.hstack(self._memories)}

    def take(self, kept: Mapping[str, NDArray[np.float64] | NDArray[np.int64]]) -> None:
        """Go on from what `kept` said."""
        self._seen[:] = kept["seen"]
        self._end[:] = self._context
        self._bars[:, :, : self._context] = kept["bars"].swapaxes(0, 1)
        bounds = np.cumsum([memory.shape[1] for memory in self._memories])[:-1]
        for memory, part in zip(self._memories, np.split(kept["memory"], bounds, axis=1), strict=True):
            memory[:] = part


def _spread(values: Floats, where: NDArray[np.bool_]) -> Floats:
    """`values` at the places that hold, NaN elsewhere."""
    spread = np.full(len(where), np.nan)
    spread[where] = values
    return spread

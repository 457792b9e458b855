"""All indicators of a market over sorted series, a chunk at a time so that a chunk's arrays stay in the cache."""

import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.kernels import FIRST, FRESH, SLOT, STOP
from tradepipe.indicators.model import BoundIndicator, Series

Floats = NDArray[np.float64]
Stored = NDArray[Any]
"""float32 or float64."""
Precision = type[np.float32] | type[np.float64]
Kept = dict[BoundIndicator, tuple[Stored, ...]]

# The inputs of so many rows stay in a core's caches while one indicator after the other reads them. With fewer, kernels
# are called so often that threads wait for the interpreter lock.
ROWS_AT_ONCE = 64_000
# The last chunks go to threads indicator by indicator: whole, they would leave one thread waiting for the other's last.
PARTED_A_THREAD = 2


class _Task(NamedTuple):
    """Some indicators over the series of rows `start` to `stop`."""

    start: int
    stop: int
    series: Series
    bounds: tuple[BoundIndicator, ...]


def run_all(  # noqa: PLR0913 - what to compute on what, and how
    wanted: Mapping[BoundIndicator, Sequence[Precision]],
    arrays: Mapping[str, Floats],
    offsets: NDArray[np.int64],
    *,
    series: Series | None = None,
    threads: int = 1,
    into: Kept | None = None,
) -> Kept:
    """Every output of `wanted` over series that lie end to end, series g in rows offsets[g] to offsets[g + 1].

    A value depends on its own series alone, so neither the chunks nor the company nor the threads change it.

    Args:
        wanted: what to compute, with the type in which each of its outputs is kept; kernels compute in float64.
        arrays: the inputs by name, finite, read-only, contiguous, as long as offsets[-1].
        offsets: ascending, beginning with 0.
        series: runs of rows to compute instead of whole series, each within one of them and in their order; where
            runs overlap, the later one in this array is written over the earlier. None of them has begun.
        threads: how many compute at once. Kernels run without the interpreter lock.
        into: columns to fill instead of new ones, such as an earlier call with the same `wanted` gave.

    Returns:
        For each indicator its outputs in their order, NaN where there is no value; infinite where a value is too
        large for float32, which the contract refuses.
    """
    kept = into or _columns(wanted, int(offsets[-1]))
    tasks, lock = _tasks(tuple(wanted), offsets, series, threads), threading.Lock()

    def work() -> None:
        room = _Room()
        with np.errstate(over="ignore"):
            while True:
                with lock:
                    task = next(tasks, None)
                if task is None:
                    return
                _run(task, arrays, kept, room)

    if threads == 1:
        work()
    else:
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work) for _ in range(threads)]:
                done.result()
    return kept


def run_kernel(
    bound: BoundIndicator, arrays: Mapping[str, Floats], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], ...]:
    """The outputs of one indicator over series that lie end to end, series g in rows offsets[g] to offsets[g + 1].

    `arrays` holds the inputs by name, finite, read-only, contiguous. NaN where there is no value.
    """
    series = whole_series(offsets)
    memory = np.zeros((len(series), bound.memory))
    return bound.run(series, memory, tuple(arrays[name] for name in bound.inputs), int(offsets[-1]))


def whole_series(offsets: NDArray[np.int64]) -> Series:
    """Series that lie end to end, none of them begun, as kernels are told of them; empty ones are left out."""
    filled = np.flatnonzero(np.diff(offsets))
    series = np.zeros((len(filled), 5), np.int64)
    series[:, FIRST] = series[:, FRESH] = offsets[filled]
    series[:, STOP] = offsets[filled + 1]
    series[:, SLOT] = np.arange(len(series))
    return series


def _columns(wanted: Mapping[BoundIndicator, Sequence[Precision]], rows: int) -> Kept:
    """Room for every output. Of one piece each precision: the system hands that out in large pages, and faster."""
    told = [precision for precisions in wanted.values() for precision in precisions]
    rest = {kind: iter(np.empty((told.count(kind), rows), kind)) for kind in set(told)}
    return {bound: tuple(next(rest[kind]) for kind in precisions) for bound, precisions in wanted.items()}


class _Room:
    """Arrays of float64 for outputs that are kept narrower, used again from chunk to chunk."""

    def __init__(self) -> None:
        self._arrays: list[Floats] = []

    def array(self, place: int, rows: int) -> Floats:
        while len(self._arrays) <= place:
            self._arrays.append(np.empty(0))
        if len(self._arrays[place]) < rows:
            self._arrays[place] = np.empty(rows)
        return self._arrays[place][:rows]


def _run(task: _Task, arrays: Mapping[str, Floats], kept: Kept, room: _Room) -> None:
    some = {name: array[task.start : task.stop] for name, array in arrays.items()}
    for bound in task.bounds:
        columns = [column[task.start : task.stop] for column in kept[bound]]
        outputs = [
            column if column.dtype == np.float64 else room.array(place, len(column))
            for place, column in enumerate(columns)
        ]
        memory = np.zeros((len(task.series), bound.memory))
        inputs = [some[name] for name in bound.inputs]
        bound.indicator.kernel(task.series, memory, *inputs, *bound.values, *outputs)
        for column, values in zip(columns, outputs, strict=True):
            if column is not values:
                column[:] = values


def _tasks(
    bounds: tuple[BoundIndicator, ...], offsets: NDArray[np.int64], runs: Series | None, threads: int
) -> Iterator[_Task]:
    """Chunks of series, each for all indicators; for threads the last ones, each for one indicator after another."""
    chunks = list(_chunks(offsets))
    parted = len(chunks) - PARTED_A_THREAD * threads if threads > 1 else len(chunks)
    for number, chunk in enumerate(chunks):
        start, stop = int(chunk[0]), int(chunk[-1])
        series = whole_series(chunk - start) if runs is None else _within(runs, start, stop)
        if len(series):
            for some in ((bound,) for bound in bounds) if number >= parted else (bounds,):
                yield _Task(start, stop, series, some)


def _within(runs: Series, start: int, stop: int) -> Series:
    """Those of `runs` that lie in rows `start` to `stop`, counted from `start`."""
    series = runs[(runs[:, FIRST] >= start) & (runs[:, FIRST] < stop)]
    series[:, [FIRST, FRESH, STOP]] -= start
    series[:, SLOT] = np.arange(len(series))
    return series


def _chunks(offsets: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Runs of whole series, their offsets: each about ROWS_AT_ONCE rows, or one longer series."""
    cuts = np.searchsorted(offsets, np.arange(0, offsets[-1], ROWS_AT_ONCE), side="left")
    bounds = np.unique(np.append(cuts, len(offsets) - 1))
    for first, last in itertools.pairwise(bounds):
        yield offsets[first : last + 1]

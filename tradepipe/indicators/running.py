"""All indicators of a market over sorted series, a chunk at a time so that a chunk's arrays stay in the cache."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.kernels import FIRST, FRESH, SLOT, STOP
from tradepipe.indicators.model import BoundIndicator, Series

Floats = NDArray[np.float64]
Stored = NDArray[Any]
"""float32 or float64."""
Precision = type[np.float32] | type[np.float64]

ROWS_AT_ONCE = 12_000


def run_all(
    wanted: Mapping[BoundIndicator, Sequence[Precision]], arrays: Mapping[str, Floats], offsets: NDArray[np.int64]
) -> dict[BoundIndicator, tuple[Stored, ...]]:
    """Every output of `wanted` over series that lie end to end, series g in rows offsets[g] to offsets[g + 1].

    A value depends on its own series alone, so neither the chunks nor the company change it.

    Args:
        wanted: what to compute, with the type in which each of its outputs is kept; kernels compute in float64.
        arrays: the inputs by name, finite, read-only, contiguous, as long as offsets[-1].
        offsets: ascending, beginning with 0.

    Returns:
        For each indicator its outputs in their order, NaN where there is no value; infinite where a value is too
        large for float32, which the contract refuses.
    """
    rows = int(offsets[-1])
    kept: dict[BoundIndicator, tuple[Stored, ...]] = {
        bound: tuple(np.empty(rows, precision) for precision in precisions) for bound, precisions in wanted.items()
    }
    with np.errstate(over="ignore"):
        for chunk in _chunks(offsets):
            start, stop = int(chunk[0]), int(chunk[-1])
            some = {name: array[start:stop] for name, array in arrays.items()}
            for bound, columns in kept.items():
                for column, values in zip(columns, run_kernel(bound, some, chunk - start), strict=True):
                    column[start:stop] = values
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


def _chunks(offsets: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Runs of whole series, their offsets: each about ROWS_AT_ONCE rows, or one longer series."""
    cuts = np.searchsorted(offsets, np.arange(0, offsets[-1], ROWS_AT_ONCE), side="left")
    bounds = np.unique(np.append(cuts, len(offsets) - 1))
    for first, last in itertools.pairwise(bounds):
        yield offsets[first : last + 1]

"""How many bars an indicator needs until it no longer matters where its series began, measured on bars."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.batch.running import run_kernel
from tradepipe.indicators.model import BoundIndicator

Floats = NDArray[np.float64]

STARTS = 40
"""Starts that are tried on each series, evenly over its first half; where sessions are known, the first bar of one."""


@dataclass(frozen=True)
class Need:
    """How much history one indicator needed.

    Attributes:
        bound: the indicator.
        needed: bars before a bar from which on every value agreed with that of the whole series; the largest of all
            starts. None where it could not be measured.
        watched: bars that followed the latest start. `needed` may be larger if it is not below this.
        lacking: inputs that the bars do not have; it was not measured. Nor was it where there were too few bars, or
            it reads sessions and none began in the first half.
    """

    bound: BoundIndicator
    needed: int | None
    watched: int
    lacking: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether the start had stopped to matter before the bars ended."""
        return self.needed is not None and self.needed < self.watched

    @property
    def too_small(self) -> bool:
        """Whether the declared lookback is less than what was needed."""
        return self.needed is not None and self.needed > self.bound.lookback


def needs_of(
    bound: Iterable[BoundIndicator], series: Sequence[Mapping[str, Floats]], tolerance: float, starts: int = STARTS
) -> list[Need]:
    """What each of `bound` needed on `series`.

    A late start's values are compared with those of the whole series, relative to the value, or to the median size of
    the output's values where that is larger: a MACD that passes through 0 is not asked for digits it has not.

    Args:
        bound: the indicators.
        series: inputs by name for each symbol, finite, read-only; one that lacks an input is passed over.
        tolerance: relative difference that no longer matters.
        starts: how many are tried on each series.
    """
    return [_need_of(one, series, tolerance, starts) for one in bound]


def _need_of(bound: BoundIndicator, series: Sequence[Mapping[str, Floats]], tolerance: float, starts: int) -> Need:
    whole = [arrays for arrays in series if arrays.keys() >= set(bound.inputs)]
    lengths = [len(arrays[bound.inputs[0]]) for arrays in whole]
    if max(lengths, default=0) <= 2:  # one start and one bar after it
        lacking = {name for arrays in series or [{}] for name in bound.inputs if name not in arrays}
        return Need(bound, None, 0, tuple(sorted(lacking)))
    tried = [_starts(bound, arrays, length, starts) for arrays, length in zip(whole, lengths, strict=True)]
    if not any(tried):
        return Need(bound, None, 0)
    longest = 0
    for arrays, length, some in zip(whole, lengths, tried, strict=True):
        expected = run_kernel(bound, arrays, np.array([0, length]))
        for start in some:
            late = {name: arrays[name][start:] for name in bound.inputs}
            found = run_kernel(bound, late, np.array([0, length - start]))
            for values, others in zip(found, expected, strict=True):
                longest = max(longest, _last_difference(values, others, start, tolerance))
    return Need(bound, longest, max(length - length // 2 for length in lengths))


def _starts(bound: BoundIndicator, arrays: Mapping[str, Floats], length: int, count: int) -> list[int]:
    rows = np.arange(1, length // 2 + 1)
    if "session" in arrays:  # partitions begin with a session, so nothing ever starts within one
        begins = rows[np.diff(arrays["session"])[: len(rows)] != 0]
        rows = begins if begins.size or "session" in bound.inputs else rows
    if not rows.size:
        return []
    return [int(rows[place]) for place in np.unique(np.linspace(0, len(rows) - 1, count, dtype=np.int64))]


def _last_difference(values: Floats, others: Floats, start: int, tolerance: float) -> int:
    """Bars until `values`, which began at `start`, agree with `others` for good."""
    known = np.abs(others[~np.isnan(others)])
    floor = float(np.median(known)) if known.size else 0.0
    others = others[start:]
    with np.errstate(invalid="ignore"):
        agree = np.abs(values - others) <= tolerance * np.maximum(np.abs(others), floor)
    apart = np.flatnonzero(~(agree | (np.isnan(values) & np.isnan(others))))
    return int(apart[-1]) + 1 if apart.size else 0

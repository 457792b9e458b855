"""Series before a batched GARCH fit: what cannot be fitted, groups of equal length, units."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.model import FloatArray, IntArray

MIN_OBSERVATIONS = 100
"""Shorter series go to the reference engine."""
_EWMA, _EWMA_BARS = 0.94, 75


@compiled
def same_as_neighbours(series: FloatArray, counts: IntArray) -> None:
    """How often a value equals the one before, twice, and the one before that, of each row."""
    for row in range(len(series)):
        total = 0
        for t in range(2, series.shape[1]):
            total += 2 * (series[row, t] == series[row, t - 1]) + (series[row, t] == series[row, t - 2])
        counts[row] = total


def faults_of(block: FloatArray) -> list[str | None]:
    """Why each row cannot be fitted; None where it can."""
    bars = block.shape[1]
    if bars < MIN_OBSERVATIONS:
        return [f"{bars} returns, fewer than {MIN_OBSERVATIONS}"] * len(block)
    low, high = block.min(axis=1), block.max(axis=1)  # NaN where any entry is
    largest = np.maximum(high, -low)
    repeats = np.empty(len(block), dtype=np.int64)
    same_as_neighbours(block, repeats)
    # a value held by half of the bars has two of three neighbours in a quarter of the places at least
    for row in np.flatnonzero(repeats >= bars // 4 - 2):
        middle = np.partition(block[row], bars // 2)[bars // 2]
        repeats[row] = bars if 2 * np.count_nonzero(block[row] == middle) >= bars else 0
    with np.errstate(invalid="ignore", over="ignore"):
        checks = (
            (~np.isfinite(largest), "a return is not finite"),
            (high - low <= 1e-12 * largest, "the returns are constant"),
            (~((largest > 1e-100) & (largest < 1e100)), "returns of a size beyond 1e100 or below 1e-100"),
            (repeats >= bars, "at least half of the returns are the same number"),
        )
    faults: list[str | None] = [None] * len(block)
    for wrong, reason in reversed(checks):
        for row in np.flatnonzero(wrong):
            faults[row] = reason
    return faults


def fault_of_each(returns: Sequence[FloatArray]) -> list[str | None]:
    """Why each series cannot be fitted; None where it can."""
    reasons: list[str | None] = [None] * len(returns)
    for places in of_equal_length(returns):
        block = np.array([returns[i] for i in places], dtype=np.float64)
        for place, fault in zip(places, faults_of(block), strict=True):
            reasons[place] = fault
    return reasons


def of_equal_length(returns: Sequence[FloatArray]) -> Iterator[IntArray]:
    """Places of the series of each length, the shortest first."""
    lengths = np.array([len(one) for one in returns], dtype=np.int64)
    for length in np.unique(lengths):
        yield np.flatnonzero(lengths == length)


def standardised(
    returns: FloatArray, mean: Literal["constant", "zero"]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Centers, scales, series of mean square 1 about them, and their EWMA presample values.

    The center is the mean, or 0 where the model's mean is; the scale is the root mean square about it.
    """
    if mean == "zero":
        center, scale = np.zeros(len(returns)), np.sqrt(np.mean(returns**2, axis=1))
    else:
        center, scale = returns.mean(axis=1), returns.std(axis=1)
    standard = np.ascontiguousarray((returns - center[:, None]) / scale[:, None])
    weights = _EWMA ** np.arange(min(_EWMA_BARS, returns.shape[1]))
    starts = np.einsum("ij,ij,j->i", standard[:, : len(weights)], standard[:, : len(weights)], weights / weights.sum())
    return center, scale, standard, starts


def to_natural(parameters: FloatArray, center: FloatArray, scale: FloatArray) -> FloatArray:
    """Mean, omega, up, down, beta, nu of the standardised series."""
    mean, omega, alpha, gamma, beta, nu = parameters.T
    return np.stack([(mean - center) / scale, omega / scale**2, alpha, alpha + gamma, beta, nu], axis=1)

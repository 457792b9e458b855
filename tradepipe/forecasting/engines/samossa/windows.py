"""Which series a multivariate model is fitted to, over which window, and in what shape."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from tradepipe.forecasting.model import FloatArray, IntArray, Panel

MIN_BARS: Final = 100
"""Least bars of a window."""

_STILL: Final = 1e-10
"""Standard deviation, as a share of the largest value, that counts as none."""


def groups_of(panel: Panel) -> list[IntArray]:
    """Rows of the series that share a model: a group each, in order of appearance; all without groups."""
    if not panel.groups:
        return [np.arange(len(panel))]
    names = np.array(panel.groups)
    return [np.flatnonzero(names == name) for name in dict.fromkeys(panel.groups)]


def window_of(lengths: IntArray) -> int:
    """Bars of the window that series of these lengths share: the one that holds the most values.

    Neither one young series nor one old one among many decides it.
    """
    longest_first = np.sort(lengths)[::-1]
    return int(longest_first[np.argmax(longest_first * np.arange(1, len(lengths) + 1))])


def faults_of(series: Sequence[FloatArray]) -> tuple[int, list[str | None]]:
    """The window of one group, and why each of its series is left out; None for one that is not."""
    lengths = np.array([len(one) for one in series], dtype=np.int64)
    bars = window_of(lengths)
    if bars < MIN_BARS:
        return bars, [f"window of {bars} bars, fewer than {MIN_BARS}"] * len(series)
    reasons: list[str | None] = [
        f"{length} bars, fewer than the window of {bars}" if length < bars else None for length in lengths.tolist()
    ]
    whole = np.flatnonzero(lengths >= bars).tolist()
    block = block_of([series[row] for row in whole], bars)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = moments(block)[1]
    missing = bars - np.isfinite(block).sum(axis=1)
    for place in np.flatnonzero(~np.isfinite(spread)).tolist():
        reasons[whole[place]] = f"{missing[place]} missing values" if missing[place] else "no variance to speak of"
    return bars, reasons


def block_of(series: Sequence[FloatArray], bars: int) -> FloatArray:
    """The newest `bars` of each, (series, bars)."""
    return np.array([one[len(one) - bars :] for one in series], dtype=np.float64).reshape(len(series), bars)


def moments(block: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each series; the latter is inf where there is none, so that it weighs nothing."""
    center = block.mean(axis=1)
    scale = np.sqrt(((block - center[:, None]) ** 2).mean(axis=1))
    largest = np.maximum(block.max(axis=1), -block.min(axis=1))
    return center, np.where(scale > _STILL * largest, scale, np.inf)


def page_rows(series: int, bars: int) -> int:
    """R, rows of the Page matrix: lags of the recursion and the value that they forecast.

    About sqrt(series bars / 4), as the authors advise, and at most half of the bars; made shorter until the values
    that fit no whole column are fewer than there are columns.
    """
    wanted = min(1 + (series * bars / 4) ** 0.5, bars / 2)
    return bars // int(np.ceil(bars / wanted))


def page(standard: FloatArray) -> FloatArray:
    """Columns of all series' Page matrices, one a row, (columns, R); the oldest values that fit none are dropped."""
    series, bars = standard.shape
    rows = page_rows(series, bars)
    used = bars - bars % rows
    return np.ascontiguousarray(standard[:, bars - used :]).reshape(-1, rows)

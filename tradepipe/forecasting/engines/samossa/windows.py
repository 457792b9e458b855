"""Which series a multivariate model is fitted to, over which window, and in what shape."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tradepipe.forecasting.engines.samossa import scaling
from tradepipe.forecasting.model import FloatArray, IntArray, Panel

MIN_BARS: Final = 100
"""Least bars of a window."""


def groups_of(panel: Panel) -> list[IntArray]:
    """Rows of the series that share a model: a group each, in order of appearance; all without groups."""
    names = panel.groups or ("",) * len(panel)
    return [np.flatnonzero(np.array(names) == name) for name in dict.fromkeys(names)]


def window_of(lengths: IntArray) -> int:
    """Bars of the window that series of these lengths share: the one that holds the most values.

    Neither one young series nor one old one among many decides it.
    """
    longest_first = np.sort(lengths)[::-1]
    return int(longest_first[np.argmax(longest_first * np.arange(1, len(lengths) + 1))])


@dataclass(frozen=True)
class Group:
    """Series that share a model.

    Attributes:
        rows: of the panel, those that take part.
        block: (rows, bars) their newest values, as many as the window has.
        center: (rows,) means.
        scale: (rows,) standard deviations.
        reasons: of all the group's series, why one does not take part.
    """

    rows: IntArray
    block: FloatArray
    center: FloatArray
    scale: FloatArray
    reasons: list[str | None]

    @classmethod
    def of(cls, panel: Panel, rows: IntArray) -> "Group":
        """The group of the panel's `rows`.

        Who has missing values or no variance over the window has no say in how long it is: the window is chosen again
        without them until nobody else is found.
        """
        series = [panel.values[row] for row in rows]
        lengths = np.array([len(one) for one in series], dtype=np.int64)
        reasons: list[str | None] = [None] * len(rows)
        while True:
            sound = np.array([reason is None for reason in reasons], dtype=np.bool_)
            bars = window_of(lengths[sound]) if sound.any() else 0
            places = np.flatnonzero(sound & (lengths >= bars)) if bars >= MIN_BARS else np.empty(0, dtype=np.int64)
            newest = [series[place][lengths[place] - bars :] for place in places.tolist()]
            block = np.array(newest, dtype=np.float64).reshape(len(newest), bars)
            center, scale = moments(block)
            lost = np.flatnonzero(~np.isfinite(scale))
            if not len(lost):
                break
            for place, values in zip(places[lost].tolist(), block[lost], strict=True):
                missing = bars - int(np.isfinite(values).sum())
                reasons[place] = f"missing values: {missing}" if missing else "no variance to speak of"
        for place in np.flatnonzero(sound & ((lengths < bars) | (bars < MIN_BARS))).tolist():
            fewer = f"the window of {bars}" if bars >= MIN_BARS else f"{MIN_BARS}"
            reasons[place] = f"{lengths[place]} bars, fewer than {fewer}"
        return cls(rows[places], block, center, scale, reasons)

    def standard(self) -> FloatArray:
        """The block in standard deviations from the means."""
        return standardised(self.block, self.center, self.scale)


def standardised(block: FloatArray, center: FloatArray, scale: FloatArray, bars: int | None = None) -> FloatArray:
    """The first `bars` (all) of (series, bars) less `center`, over `scale`, each (series,)."""
    standard = np.empty((len(block), block.shape[1] if bars is None else bars))
    scaling.standardise(block, np.ascontiguousarray(center), np.ascontiguousarray(scale), standard)
    return standard


def moments(block: FloatArray, bars: int | None = None) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the first `bars` (all) of each series.

    The latter is inf where there is none, so that the series weighs nothing.
    """
    center, scale = np.empty(len(block)), np.empty(len(block))
    if block.size:
        scaling.measure(block, block.shape[1] if bars is None else bars, center, scale)
    return center, scale


def page_rows(series: int, bars: int) -> int:
    """R, rows of the Page matrix: lags of the recursion and the value that they forecast.

    About sqrt(series bars / 4), as the authors advise, and at most half of the bars; made shorter until the values
    that fit no whole column are fewer than there are columns.
    """
    wanted = min(1 + (series * bars / 4) ** 0.5, bars / 2)
    return bars // int(np.ceil(bars / wanted))


def page(standard: FloatArray) -> FloatArray:
    """Columns of all series' Page matrices, one a row, (columns, >= R); the oldest values that fit none are dropped.

    Beyond R, which is `page_rows`, it is 0.
    """
    series, bars = standard.shape
    rows = page_rows(series, bars)
    each = bars // rows
    columns = aligned(series * each, rows)
    columns[:, rows:] = 0.0
    whole = columns.reshape(series, each, -1)
    whole[:, :, :rows] = standard[:, bars - each * rows :].reshape(series, each, rows)
    return columns


def aligned(rows: int, size: int) -> FloatArray:
    """Room for (rows, size) numbers, each row made longer so that it begins where a line of the cache does.

    Half of all wide reads and writes would touch two lines otherwise. Rows are an odd number of lines apart, since
    those an even number apart drive each other from the cache.
    """
    width = size + -size % 8
    width += 8 if width % 16 == 0 else 0
    flat = np.empty(rows * width + 8)
    begin = -flat.ctypes.data % 64 // 8
    return flat[begin : begin + rows * width].reshape(rows, width)

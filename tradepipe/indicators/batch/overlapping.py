"""Windows that overlap, computed where the bars lie: no bar is copied for each partition that looks back on it.

The bars of a symbol lie in time order, so the window of a partition is a run of rows, and kernels are told of runs.
Of a symbol the latest partition is computed first: each then writes over what a later one left in its rows, and
what a partition's own rows hold in the end is its own.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.bars.windows import PARTITION
from tradepipe.indicators.kernels import FIRST, FRESH, STOP
from tradepipe.indicators.model import Series

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Overlapping:
    """The bars that some window holds, by symbol and time, and where the windows lie in them.

    Attributes:
        bars: sorted by symbol and open_time.
        offsets: symbol s has rows offsets[s] to offsets[s + 1].
        series: for `run_all`: a row for each symbol and window, by symbol, the latest window first.
        own: rows of `bars` that are a partition's own, sorted by partition, symbol and open_time.
        partition: of each row in `own`.
    """

    bars: pl.DataFrame
    offsets: Rows
    series: Series
    own: Rows
    partition: pl.Series

    @classmethod
    def of(cls, bars: pl.DataFrame, windows: pl.DataFrame) -> "Overlapping":
        """Lay out `bars` for `windows`.

        Args:
            bars: symbol, session, open_time and more, ascending in time.
            windows: partition, anchor_session, first_session, last_session, ascending; no two share a session
                of their own.
        """
        bars = _by_symbol(_held(bars, windows))
        symbol = bars.get_column("symbol").rle_id().to_numpy().astype(np.int64)
        day = bars.get_column("session").to_physical().to_numpy().astype(np.int64)
        offsets = np.searchsorted(symbol, np.arange(symbol[-1] + 2 if len(symbol) else 1)).astype(np.int64)
        anchor, first, last = (
            windows.get_column(f"{name}_session").to_physical().to_numpy().astype(np.int64)
            for name in ("anchor", "first", "last")
        )
        # Days of one symbol follow those of the symbol before: one ascending key, one search for all of them.
        base = min(day.min(initial=0), anchor.min(initial=0))
        width = max(day.max(initial=0), last.max(initial=0)) - base + 2
        key = symbol * width + (day - base)
        start = np.arange(len(offsets) - 1)[:, None] * width - base
        begin = np.searchsorted(key, start + anchor[::-1], side="left")
        mine = np.searchsorted(key, start + first[::-1], side="left")
        stop = np.searchsorted(key, start + last[::-1], side="right")
        filled = mine < stop
        series = np.zeros((int(filled.sum()), 5), np.int64)
        series[:, FIRST] = series[:, FRESH] = begin[filled]
        series[:, STOP] = stop[filled]
        place = np.searchsorted(first, day, side="right") - 1
        belongs = (place >= 0) & (day <= last[place])
        rows = np.flatnonzero(belongs)
        own = rows[np.argsort(place[rows], kind="stable")]
        return cls(bars, offsets, series, own, windows.get_column(PARTITION).gather(place[own]))


def _held(bars: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """The bars of sessions that lie in a window."""
    sessions = bars.get_column("session").unique().sort()
    edges = np.zeros(len(sessions) + 1, np.int64)
    np.add.at(edges, sessions.search_sorted(windows.get_column("anchor_session"), side="left").to_numpy(), 1)
    np.add.at(edges, sessions.search_sorted(windows.get_column("last_session"), side="right").to_numpy(), -1)
    held = np.cumsum(edges[:-1]) > 0
    return bars if held.all() else bars.filter(pl.col("session").is_in(sessions.filter(held).implode()))


def _by_symbol(bars: pl.DataFrame) -> pl.DataFrame:
    # Numbers sort many times faster than words. They ascend as the words do.
    names = pl.Enum(bars.get_column("symbol").unique().sort())
    return bars.sort(pl.col("symbol").cast(names).to_physical(), maintain_order=True)

"""Highest and lowest values of moving windows, by doubling: log2(period) passes, each several rows at once.

The extreme of 2n values is the more extreme of those of its halves, and a window of any period is covered by two
windows of the largest power of two below it. Nothing depends on the row before, so a pass runs at the
width of the processor's vectors; a strip of rows is short enough to stay in its nearest cache.
A piece of a series must bring the period - 1 values before its first row.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]

STRIP = 1024


@compiled
def window_maxima(values: Floats, first: int, stop: int, period: int, out: Floats) -> None:
    """Highest value of the window that ends with each row from `first` to `stop`.

    NaN where fewer than `period` rows lie between `first` and the row.
    """
    _window_extrema(values[first:stop], period, True, out[first:stop])


@compiled
def window_minima(values: Floats, first: int, stop: int, period: int, out: Floats) -> None:
    """As `window_maxima`, the lowest value."""
    _window_extrema(values[first:stop], period, False, out[first:stop])


@compiled
def _window_extrema(values: Floats, period: int, highest: bool, out: Floats) -> None:  # noqa: FBT001 - as above
    rows, wait = len(values), min(period - 1, len(values))
    out[:wait] = np.nan
    if period == 1:
        out[:] = values
        return
    # A strip begins with the period - 1 rows before its own: keep them few beside those.
    strip = max(STRIP, 2 * period)
    room = min(strip, rows - wait) + period
    done, other = np.empty(room), np.empty(room)
    for start in range(wait, rows, strip):
        stop = min(start + strip, rows)
        read = values[start - wait : stop]
        # done[j] is the extreme of the `span` values that begin with read[j].
        span, count = 2, len(read) - 1
        _pairs(read[:count], read[1:], highest, done[:count])
        while 2 * span < period:
            count -= span
            _pairs(done[:count], done[span : span + count], highest, other[:count])
            done, other = other, done
            span *= 2
        count, shift = stop - start, max(period - span, 0)
        _pairs(done[:count], done[shift : shift + count], highest, out[start:stop])


@compiled
def _pairs(older: Floats, newer: Floats, highest: bool, out: Floats) -> None:  # noqa: FBT001 - as above
    """The more extreme of each two values. Whole views in plain loops: that is what compilers vectorise."""
    if highest:
        for i in range(len(out)):
            out[i] = max(newer[i], older[i])
    else:
        for i in range(len(out)):
            out[i] = min(newer[i], older[i])

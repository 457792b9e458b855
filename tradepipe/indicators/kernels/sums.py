"""Sums of moving windows of numbers that are summed as they are: flows, which lie around zero, and squares.

Much as `tradepipe.indicators.kernels.extrema` does: sums of 4n values are sums of four sums of n, and a window is made
of sums of powers of four, up to three of each. No pass depends on the row before, so it runs at the width of the
processor's vectors. A sum depends on the values of its window alone, to the last bit, and zeros add to exactly zero.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled

Floats = NDArray[np.float64]

STRIP = 1024


@compiled
def window_sums(values: Floats, first: int, stop: int, _position: int, period: int, total: Floats) -> None:
    """Sum of the window that ends with each row from `first` to `stop`; the arguments are those of `window_means`.

    NaN where fewer than `period` rows lie between `first` and the row.
    """
    _window_sums(values[first:stop], period, total[first:stop])


@compiled
def _window_sums(values: Floats, period: int, total: Floats) -> None:
    rows, wait = len(values), min(period - 1, len(values))
    total[:wait] = np.nan
    # A strip begins with the period - 1 rows before its own: keep them few beside those.
    strip = max(STRIP, 2 * period)
    room = min(strip, rows - wait) + wait
    done, other = np.empty(room), np.empty(room)
    for start in range(wait, rows, strip):
        stop = min(start + strip, rows)
        read, sums = values[start - wait : stop], total[start:stop]
        sums[:] = 0.0
        _add_some(read, 1, period % 4, sums)
        # done[j] is the sum of `span` values from read[j] on; `covered` values of each window are added up.
        span, covered, count = 4, period % 4, len(read) - 3
        if span <= period:
            _fours(read, 1, done[:count])
        while span <= period:
            times = period // span % 4
            _add_some(done[covered:], span, times, sums)
            covered += times * span
            if 4 * span <= period:
                count -= 3 * span
                _fours(done, span, other[:count])
                done, other = other, done
            span *= 4


@compiled
def _fours(values: Floats, step: int, out: Floats) -> None:
    """Sums of four values, `step` apart. Whole views in plain loops: that is what compilers vectorise."""
    a, b, c, d = values, values[step:], values[2 * step :], values[3 * step :]
    for i in range(len(out)):
        out[i] = (a[i] + b[i]) + (c[i] + d[i])


@compiled
def _add_some(values: Floats, step: int, times: int, out: Floats) -> None:
    """Add to `out` that many values, `step` apart."""
    a, b, c = values, values[step:], values[2 * step :]
    if times == 1:
        for i in range(len(out)):
            out[i] += a[i]
    elif times == 2:
        for i in range(len(out)):
            out[i] += a[i] + b[i]
    elif times == 3:
        for i in range(len(out)):
            out[i] += (a[i] + b[i]) + c[i]

"""Cross-sections: a symbol's value against those of the universe's other members at the same moment.

Source: Conover (1980), Practical Nonparametric Statistics, section 5.1 (average ranks of ties).
"""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

FEWEST = 3
"""With fewer members that have a value there is none."""


def cross_section(rows: pl.DataFrame, values: Floats, member: NDArray[np.bool_], across: str) -> Floats:
    """`values` within the members that have one at the same open time.

    `cross_rank`: how many of the others are lower, ties counting half, as a fraction of the others: 0 to 1.
    `cross_zscore`: distance from the members' mean in population standard deviations; none where all are equal.

    A row is set against those that were known when it was, so that one that comes late changes no earlier one.

    Args:
        rows: open_time and known_at (UTC) of bars, each symbol once an open time, in any order.
        values: one for each row, NaN where there is none.
        member: whether the row's symbol belonged to the universe in its session.
        across: `cross_rank` or `cross_zscore`.

    Returns:
        One value for each row; NaN for no member, without a value, and where fewer than FEWEST have one.
    """
    found = np.full(len(values), np.nan)
    chosen = np.flatnonzero(member & ~np.isnan(values))
    if not chosen.size:
        return found
    open_time, known_at = (rows.get_column(name).to_physical().to_numpy()[chosen] for name in ("open_time", "known_at"))
    # As they became known, so that what came later stands behind; values ascend within a moment, so that sums
    # come out the same whatever order the rows had.
    order = np.lexsort((values[chosen], known_at, open_time))
    chosen, open_time, known_at = chosen[order], open_time[order], known_at[order]
    new = np.append(True, open_time[1:] != open_time[:-1])
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, len(chosen)))
    moments = np.flatnonzero(new | np.append(True, known_at[1:] != known_at[:-1]))
    lengths = np.diff(np.append(moments, len(chosen)))
    known = np.repeat(moments + lengths, lengths) - np.repeat(starts, sizes)
    result = _WITHIN[across](values[chosen], starts, sizes, known)
    found[chosen] = np.where(known < FEWEST, np.nan, result)
    return found


def _ranks(values: Floats, starts: Int64s, sizes: Int64s, known: Int64s) -> Floats:
    """Ranks of `values` among the first `known` of their section."""
    first, whole = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    part = known < whole
    # A section that was known at once ascends already.
    order = np.lexsort((values, first)) if part.any() else np.arange(len(values))
    ascending = values[order]
    new = np.append(True, ascending[1:] != ascending[:-1])
    new[starts] = True
    ties = np.flatnonzero(new)
    lengths = np.diff(np.append(ties, len(values)))
    lower, upper = np.empty(len(values), np.int64), np.empty(len(values), np.int64)
    lower[order] = np.repeat(ties, lengths)
    upper[order] = np.repeat(ties + lengths, lengths)
    lower, upper = lower - first, upper - first
    if part.any():
        places = np.empty(len(values), np.int64)
        places[order] = np.arange(len(values))
        bounds = np.stack([lower[part], upper[part]])
        lower[part], upper[part] = _counts_below(places - first, first[part], (first + known)[part], bounds)
    return (lower + (upper - lower - 1) / 2) / np.maximum(known - 1, 1)


def _counts_below(places: Int64s, start: Int64s, stop: Int64s, bound: Int64s) -> Int64s:
    """For each query, how many of `places[start:stop]` are below `bound` [counts, queries].

    A wavelet matrix, one level a bit: a section of n values costs n log n however many moments it has.
    Source: Claude, Navarro and Ordonez (2015), The wavelet matrix, Information Systems 47.
    """
    found = np.zeros_like(bound)
    start, stop = np.broadcast_to(start, bound.shape), np.broadcast_to(stop, bound.shape)
    for bit in reversed(range(int(max(places.max(), bound.max())).bit_length())):
        ones = (places >> bit) & 1
        before = np.append(0, np.cumsum(1 - ones))
        above = (bound >> bit) & 1 == 1
        zeros_start, zeros_stop = before[start], before[stop]
        found += np.where(above, zeros_stop - zeros_start, 0)
        start = np.where(above, before[-1] + start - zeros_start, zeros_start)
        stop = np.where(above, before[-1] + stop - zeros_stop, zeros_stop)
        places = places[np.argsort(ones, kind="stable")]
    return found


def _zscores(values: Floats, starts: Int64s, sizes: Int64s, known: Int64s) -> Floats:
    """Standard scores of `values` among the first `known` of their section."""
    # From a value that all of them know: so the squares hardly cancel, and are exactly 0 where all values are equal.
    shifted = values - np.repeat(values[starts], sizes)
    sums, squares = np.empty(len(values)), np.empty(len(values))
    for size in np.unique(sizes):
        rows = starts[sizes == size][:, None] + np.arange(size)
        sums[rows], squares[rows] = np.cumsum(shifted[rows], axis=1), np.cumsum(shifted[rows] ** 2, axis=1)
    last = np.repeat(starts, sizes) + known - 1
    mean = sums[last] / known
    variance = squares[last] / known - mean * mean
    flat = variance <= 0
    return np.where(flat, np.nan, (shifted - mean) / np.sqrt(np.where(flat, 1.0, variance)))


_WITHIN: dict[str, Callable[[Floats, Int64s, Int64s, Int64s], Floats]] = {
    "cross_rank": _ranks,
    "cross_zscore": _zscores,
}

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
    # Values ascend within a section, so that sums come out the same whatever order the rows had.
    order = np.lexsort((values[chosen], open_time))
    chosen, open_time, known_at = chosen[order], open_time[order], known_at[order]
    starts = np.flatnonzero(np.append(True, open_time[1:] != open_time[:-1]))
    within = _WITHIN[across]
    result = within(values[chosen], starts)
    first, last = np.minimum.reduceat(known_at, starts), np.maximum.reduceat(known_at, starts)
    stops = np.append(starts[1:], len(chosen))
    for section in np.flatnonzero(first != last):
        part = slice(starts[section], stops[section])
        result[part] = _as_known(values[chosen[part]], known_at[part], within)
    found[chosen] = result
    return found


def _as_known(values: Floats, known_at: Int64s, within: Callable[[Floats, Int64s], Floats]) -> Floats:
    """One section whose rows became known at several times."""
    result = np.full(len(values), np.nan)
    for moment in np.unique(known_at):
        by_then = known_at <= moment
        result[known_at == moment] = within(values[by_then], np.zeros(1, np.int64))[known_at[by_then] == moment]
    return result


def _ranks(values: Floats, starts: Int64s) -> Floats:
    sizes = np.diff(np.append(starts, len(values)))
    new = np.append(True, values[1:] != values[:-1])
    new[starts] = True
    ties = np.flatnonzero(new)
    lengths = np.diff(np.append(ties, len(values)))
    place = np.repeat(ties + (lengths - 1) / 2, lengths) - np.repeat(starts, sizes)
    return np.where(np.repeat(sizes, sizes) < FEWEST, np.nan, place / np.repeat(np.maximum(sizes - 1, 1), sizes))


def _zscores(values: Floats, starts: Int64s) -> Floats:
    sizes = np.diff(np.append(starts, len(values)))
    # From the middle value: so the squares do not cancel, and are exactly 0 where all values are equal.
    shifted = values - np.repeat(values[starts + sizes // 2], sizes)
    offset = shifted - np.repeat(np.add.reduceat(shifted, starts) / sizes, sizes)
    deviation = np.repeat(np.sqrt(np.add.reduceat(offset * offset, starts) / sizes), sizes)
    few = (np.repeat(sizes, sizes) < FEWEST) | (deviation == 0)
    return np.where(few, np.nan, offset / np.where(few, 1.0, deviation))


_WITHIN: dict[str, Callable[[Floats, Int64s], Floats]] = {"cross_rank": _ranks, "cross_zscore": _zscores}

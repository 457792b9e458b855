"""What errors add up to, compiled: sums by when they became known, and quantiles of moving windows.

Errors stand in the order of `laying.arrange`, and are added one after another: how many rows there are beside them
changes no digit.
"""

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.model import FloatArray, IntArray


@compiled
def add_losses(
    begin: IntArray,
    realised: FloatArray,
    walk: FloatArray,
    walks: FloatArray,
    mean: FloatArray,
    volatility: FloatArray,
    logs: FloatArray,
    own: FloatArray,
    wildest: float,
    sums: FloatArray,
) -> None:
    """Add up what a member lost, by the position at which it became known, one error after another.

    Args:
        begin: (P + 1,) where the errors begin that became known at each position.
        realised: (errors,) return.
        walk: (errors,) mean of the random walk.
        walks: (errors,) its volatility.
        mean: (errors,) of the member.
        volatility: (errors,) of the member.
        logs: (errors,) log of its volatility over the random walk's.
        own: (errors,) 1 where the forecast is the member's own, 0 where another stands in; of length 0: all are.
        wildest: largest squared return over variance that counts.
        sums: (4, P), written: QLIKE less the random walk's; the member's squared errors where they are its own, the
            random walk's there, and how many these are.
    """
    for position in range(len(begin) - 1):
        lost, ours, theirs, held = 0.0, 0.0, 0.0, 0.0
        for place in range(begin[position], begin[position + 1]):
            base = (realised[place] - walk[place]) * (realised[place] - walk[place])
            one = base / (volatility[place] * volatility[place])
            other = base / (walks[place] * walks[place])
            # Not `min`, which would hide that a volatility is no number.
            one, other = wildest if one > wildest else one, wildest if other > wildest else other  # noqa: FURB136
            lost += (one - other) + 2 * logs[place]
            if len(own) == 0 or own[place] > 0:
                ours += (realised[place] - mean[place]) * (realised[place] - mean[place])
                theirs += base
                held += 1
        sums[0, position], sums[1, position], sums[2, position], sums[3, position] = lost, ours, theirs, held


@compiled
def count_widths(
    begin: IntArray,
    realised: FloatArray,
    mean: FloatArray,
    volatility: FloatArray,
    ends: IntArray,
    length: int,
    edges: FloatArray,
    shift: int,
    first: int,
    levels: IntArray,
    half: FloatArray,
) -> None:
    """As `conformal.half_widths`, into `half` (n, levels).

    Args:
        begin: see `conformal.half_widths`.
        realised: likewise.
        mean: likewise.
        volatility: likewise.
        ends: likewise.
        length: likewise.
        edges: (bins + 1,) where each bin begins.
        shift: binary digits of a number that do not tell bins apart.
        first: the leading digits below those of the second bin's lower edge.
        levels: in percent.
        half: written.
    """
    bins = len(edges) - 1
    counts, sizes, low, high = np.zeros(bins, np.int64), np.empty(1), 0, 0
    bits = sizes.view(np.int64)
    for row in range(len(ends)):
        since, until = max(ends[row] - length + 1, 0), ends[row] + 1
        if since >= high:
            counts[:] = 0
            low = high = since
        # Counts are whole numbers: what was added and taken away again leaves nothing.
        for turn in range(2):
            span_begin, span_end = (begin[high], begin[until]) if turn == 0 else (begin[low], begin[since])
            for place in range(span_begin, span_end):
                sizes[0] = abs(realised[place] - mean[place]) / volatility[place]
                counts[min(max((bits[0] >> shift) - first, 0), bins - 1)] += 1 - 2 * turn
        low, high = since, until
        total = 0
        for one in range(bins):
            total += counts[one]
        for column in range(len(levels)):
            half[row, column] = np.nan
            if total == 0:
                continue
            rank = min(-((-(total + 1) * levels[column]) // 100), total)
            found, running = 0, counts[0]
            while running < rank:
                found += 1
                running += counts[found]
            into = (rank - (running - counts[found])) / counts[found]
            half[row, column] = edges[found] + into * (edges[found + 1] - edges[found])

"""Forecasts and bars brought into the order in which errors became known: passes over columns, compiled.

The order depends on no row's place in its frame, so neither does a sum over it.
"""

from typing import Final

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray

NEVER: Final = -1
"""Position at which a return becomes known that never did, and of what is not on the grid."""

UNKNOWN: Final = np.iinfo(np.int64).max
"""Time at which a close became known that is not there."""


@compiled
def find_positions(times: IntArray, grid: IntArray, positions: IntArray) -> None:
    """Where each of `times` stands in the ascending `grid`; NEVER where it does not.

    A frame goes from bar to bar, so most stand where the one before did, or beside it.
    """
    place, size = 0, len(grid)
    for row in range(len(times)):
        time = times[row]
        if place + 1 < size and grid[place + 1] == time:
            place += 1
        elif not (place < size and grid[place] == time):
            low, high = 0, size
            while low < high:
                middle = (low + high) // 2
                if grid[middle] < time:
                    low = middle + 1
                else:
                    high = middle
            place = low
        positions[row] = place if place < size and grid[place] == time else NEVER


@compiled
def spread(values: IntArray, begin: IntArray, whole: IntArray) -> None:
    """Write each of `values` from its `begin` to the next one's."""
    for run in range(len(values)):
        end = begin[run + 1] if run + 1 < len(begin) else len(whole)
        for row in range(begin[run], end):
            whole[row] = values[run]


@compiled
def place_bars(
    position: IntArray,
    column: IntArray,
    close: FloatArray,
    known_at: IntArray,
    belongs: BoolArray,
    closes: FloatArray,
    knowns: IntArray,
    members: BoolArray,
    clock: IntArray,
) -> None:
    """Lay bars out by position and symbol; what is off the grid is left out.

    Args:
        position: (bars,) on the grid, or NEVER.
        column: (bars,) of the symbol, or NEVER.
        close: (bars,).
        known_at: (bars,) microseconds since 1970.
        belongs: (bars,) whether the symbol was a member of the universe on the bar's session.
        closes: (S, P), written where there is a bar.
        knowns: (S, P), likewise.
        members: (S, P), likewise.
        clock: (P,) when the first member's bar of a position was known, also of a symbol without a column; lowered.
    """
    for bar in range(len(position)):
        place = position[bar]
        if place == NEVER:
            continue
        if belongs[bar]:
            clock[place] = min(clock[place], known_at[bar])
        if column[bar] != NEVER:
            closes[column[bar], place] = close[bar]
            knowns[column[bar], place] = known_at[bar]
            members[column[bar], place] = belongs[bar]


@compiled
def meet(
    origin: IntArray,
    target: IntArray,
    column: IntArray,
    known_at: IntArray,
    price: FloatArray,
    closes: FloatArray,
    knowns: IntArray,
    members: BoolArray,
    clock: IntArray,
    known: IntArray,
    ratio: FloatArray,
) -> None:
    """Position of the bar at whose close each forecast's error was known to all symbols, and target over origin.

    That is the target's own, or the one after it where the close, or the forecast, came after another symbol's close.
    NEVER where it came later still, as what is restated does, or not at all, or is no price; and of a symbol that was
    no member of the universe when it was forecast, for it may have become one because of what came.

    Args:
        origin: (rows,) position of each forecast's own bar.
        target: (rows,) position of each target bar; NEVER: none.
        column: (rows,) of the symbol.
        known_at: (rows,) of the forecast.
        price: (rows,) close of the origin.
        closes: (S, P) of `place_bars`.
        knowns: (S, P), likewise.
        members: (S, P), likewise.
        clock: (P,), likewise.
        known: (rows,), written.
        ratio: (rows,), written; NaN where the target has no close.
    """
    last = len(clock) - 1
    for row in range(len(target)):
        known[row], ratio[row] = NEVER, np.nan
        place, own = target[row], column[row]
        if place == NEVER or not np.isfinite(closes[own, place]):
            continue
        ratio[row] = closes[own, place] / price[row]
        told = max(knowns[own, place], known_at[row])
        if not (members[own, origin[row]] and 0.0 < ratio[row] < np.inf):
            continue
        if told <= clock[place] < UNKNOWN:
            known[row] = place
        elif place < last and told <= clock[place + 1] < UNKNOWN:
            known[row] = place + 1


@compiled
def place_rows(
    layer: IntArray, position: IntArray, column: IntArray, symbols: int, layers: int, cells: IntArray
) -> int:
    """Write each row's number to its cell, by position, symbol and layer; how many cells are taken.

    Args:
        layer: (rows,) of the horizon.
        position: (rows,) of the origin.
        column: (rows,) of the symbol.
        symbols: S.
        layers: L.
        cells: (P S L,), all NEVER; written.
    """
    taken = 0
    for row in range(len(layer)):
        cell = (position[row] * symbols + column[row]) * layers + layer[row]
        taken += cells[cell] == NEVER
        cells[cell] = row
    return taken


@compiled
def arrange(
    cells: IntArray,
    layer: IntArray,
    known: IntArray,
    first: int,
    last: int,
    begin: IntArray,
    visit: IntArray,
    to: IntArray,
) -> int:
    """Put the errors that became known from `first` to `last` in order: by layer, when, origin, symbol; how many.

    Args:
        cells: of `place_rows`.
        layer: (rows,) of the horizon.
        known: (rows,) position.
        first: position, not below 0.
        last: position.
        begin: (L, P + 1) zeros, written: where the errors of a layer that became known at each position begin.
        visit: (rows,), written: rows in the order of cells, which for a symbol's horizons is that of the frame.
        to: (rows,), written: place of each in the order.
    """
    for row in range(len(known)):
        if first <= known[row] <= last:
            begin[layer[row], known[row] + 1] += 1
    total, layers = 0, len(begin)
    for one in range(layers):
        for position in range(begin.shape[1]):
            total += begin[one, position]
            begin[one, position] = total
    following = begin.copy()
    count = 0
    for cell in range(0, len(cells), layers):
        for one in range(layers):
            row = cells[cell + one]
            if row != NEVER and first <= known[row] <= last:
                visit[count], to[count] = row, following[one, known[row]]
                following[one, known[row]] += 1
                count += 1
    return count


@compiled
def move(values: FloatArray, visit: IntArray, to: IntArray, moved: FloatArray) -> None:
    """Bring a column (rows,) into the order of `arrange`: (errors,)."""
    for place in range(len(moved)):
        moved[to[place]] = values[visit[place]]

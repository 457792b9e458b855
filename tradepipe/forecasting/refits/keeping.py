"""A chain's fits in the cache: looked up before it is fitted, written after."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tradepipe.forecasting.model import IntArray, Member
from tradepipe.forecasting.refits.bars import Bars
from tradepipe.forecasting.refits.cache import (
    DamagedBlobError,
    FitCache,
    Row,
    engines_version,
    from_blob,
    key_of,
    rows_of,
    to_blob,
)

if TYPE_CHECKING:
    from tradepipe.forecasting.refits.fitting import MemberFit, Window

MULTIVARIATE = frozenset({"samossa"})
"""Families whose numbers of one series depend on all series of the panel."""


def needs_all_symbols(member: Member) -> bool:
    """Whether one symbol's numbers follow from all symbols."""
    return member.mean.family in MULTIVARIATE


@dataclass
class Keeping:
    """Keys of a chain's symbols, what was found under them, and what has been fitted since."""

    cache: FitCache | None
    keys: dict[int, str]
    found: dict[int, list[Row]]
    windows: dict[int, list[int]]
    """Symbol -> the chain's windows that it is in."""
    fitted: dict[int, list[Row]] = field(default_factory=dict)

    @property
    def rows(self) -> IntArray:
        """Symbols that need no fit."""
        return np.array(sorted(self.found), dtype=np.int64)

    def of(self, turn: int, rows: IntArray) -> tuple[list[Row], list[Row]]:
        """Mean and variance of the symbols `rows` after the window `turn`."""
        places = [(self.found[row], 2 * self.windows[row].index(turn)) for row in rows.tolist()]
        return [kept[place] for kept, place in places], [kept[place + 1] for kept, place in places]

    def add(self, fit: "MemberFit") -> None:
        """Remember what was fitted."""
        if self.cache is None:
            return
        equations = zip(fit.window.rows.tolist(), rows_of(fit.mean), rows_of(fit.variance), strict=True)
        for row, mean, variance in equations:
            self.fitted.setdefault(row, []).extend((mean, variance))

    def save(self) -> None:
        """Write what was fitted."""
        if self.cache is not None and self.fitted:
            self.cache.put_many({self.keys[row]: to_blob(rows) for row, rows in self.fitted.items()})


def look_up(cache: FitCache | None, member: Member, engine: str, bars: Bars, windows: Sequence["Window"]) -> Keeping:
    """What `cache` keeps of a chain. A multivariate model's chain is kept as a whole or not at all."""
    places: dict[int, list[int]] = {}
    for turn, window in enumerate(windows):
        for row in window.rows.tolist():
            places.setdefault(row, []).append(turn)
    if cache is None:
        return Keeping(None, {}, {}, places)
    head = [part.encode() for part in (member.mean.text, member.variance.text, engine, engines_version())]
    seen = {row: _seen(bars, row, turns, windows) for row, turns in places.items()}
    keys = {row: key_of([*head, *seen[row]]) for row in places}
    if needs_all_symbols(member):
        # One symbol's numbers follow from all.
        names = [(bars.groups[row] if bars.groups else "").encode() for row in keys]
        whole = key_of([*(key.encode() for key in keys.values()), *names])
        keys = {row: key_of([whole.encode(), bars.symbols[row].encode()]) for row in keys}
    blobs = cache.get_many(list(keys.values()))
    found = {row: rows for row, key in keys.items() if key in blobs and (rows := _read(blobs[key]))}
    if needs_all_symbols(member) and len(found) < len(keys):
        found = {}
    return Keeping(cache, keys, found, places)


def _read(blob: bytes) -> list[Row]:
    """None of a damaged blob: it is fitted anew, and kept in its place."""
    try:
        return from_blob(blob)
    except DamagedBlobError:
        return []


def _seen(bars: Bars, row: int, turns: Sequence[int], windows: Sequence["Window"]) -> list[bytes]:
    """All that one symbol's chain follows from: which refits it is in, their bounds, and the returns within.

    After a refit that it missed it starts cold, so the key tells where those lie.
    """
    bounds = []
    for turn in turns:
        window = windows[turn]
        place = int(np.searchsorted(window.rows, row))
        bounds.append((turn - turns[0], window.turn, window.starts[place], window.stops[place]))
    told = np.array(bounds, dtype=np.int64)
    first, last = int(told[:, 2].min()), int(told[:, 3].max())
    told[:, 2:] -= first
    values: list[bytes] = [told.tobytes(), bars.returns[first:last].tobytes()]
    return values if bars.exog is None else [*values, bars.regressors(first, last).tobytes()]

"""Member forecasts and what came of them, as arrays: one a horizon, with a row a bar of the grid and a column a symbol.

What is absent is NaN. A position is where a bar stands on the calendar's grid, so that a window of bars is the same
whether the frames begin with it or long before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.forecasting.frames import require_unique
from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray

NEVER = -1
"""Position at which a return becomes known that never did."""

_UNKNOWN = np.iinfo(np.int64).max


@dataclass(frozen=True)
class HorizonPanel:
    """All forecasts of one horizon. P positions, S symbols.

    Attributes:
        names: of the members, the random walk among them.
        mean: by member, (P, S) expected log return from origin to target.
        volatility: by member, (P, S) standard deviation of that return.
        able: by member, (P, S) whether the forecast is the member's own and no baseline's that stands in for it.
        realised: (P, S) log return that came; NaN where no forecast was made or its target has no bar.
        known: (P, S) position of the bar at whose close the realised return counts as known; NEVER where it does not.
    """

    names: tuple[str, ...]
    mean: dict[str, FloatArray]
    volatility: dict[str, FloatArray]
    able: dict[str, BoolArray]
    realised: FloatArray
    known: IntArray


@dataclass(frozen=True)
class Cells:
    """Where each row of a frame of member forecasts lies in the arrays.

    Attributes:
        horizons: that occur, ascending.
        layer: (rows,) index into `horizons`.
        position: (rows,) of the origin on the grid.
        symbol: (rows,) column.
        shape: P and S.
    """

    horizons: tuple[int, ...]
    layer: IntArray
    position: IntArray
    symbol: IntArray
    shape: tuple[int, int]

    @classmethod
    def of(cls, rows: pl.DataFrame, times: IntArray, symbols: Sequence[str]) -> "Cells":
        """Where `rows` lie whose origins are all on the grid `times` and whose symbols are all among `symbols`."""
        told = rows.get_column("horizon").to_numpy()
        counts = np.bincount(told)
        layer = (np.cumsum(counts > 0) - 1)[told]
        position = positions_of(micros(rows, "open_time"), times)
        shape = len(times), len(symbols)
        return cls(tuple(np.flatnonzero(counts).tolist()), layer, position, codes_of(rows, symbols), shape)

    @property
    def flat(self) -> IntArray:
        """(rows,) index into an array of (horizons, P, S)."""
        positions, symbols = self.shape
        flat: IntArray = (self.layer * positions + self.position) * symbols + self.symbol
        return flat


class Outcomes:
    """Closes and the times at which they were known, by grid position and symbol.

    Args:
        bars: symbol, open_time, close, known_at (UTC); each bar once. Bars off the grid are left out. is_member,
            whether the symbol was a member of the universe on the session, where that changes.
        times: (P,) open times of the grid, microseconds since 1970, ascending.
        symbols: of the columns.
    """

    def __init__(self, bars: pl.DataFrame, times: IntArray, symbols: Sequence[str]) -> None:
        require_unique(bars, "bars", ["symbol", "open_time"])
        opened = micros(bars, "open_time")
        position = positions_of(opened, times)
        column = codes_of(bars, symbols)
        placed = np.flatnonzero((position != NEVER) & (column != NEVER))
        self.close = np.full((len(times), len(symbols)), np.nan)
        self.close[position[placed], column[placed]] = bars.get_column("close").to_numpy()[placed]
        self.known_at = np.full(self.close.shape, _UNKNOWN)
        self.known_at[position[placed], column[placed]] = micros(bars, "known_at")[placed]
        belongs = bars.get_column("is_member").to_numpy() if "is_member" in bars.columns else None
        self.member = np.full(self.close.shape, belongs is None)
        if belongs is not None:
            self.member[position[placed], column[placed]] = belongs[placed]
        # When the first member's bar of a position was known, also of a symbol without forecasts (a longer range may
        # have some of it later on): what another symbol tells later is too late for this one.
        timed = np.flatnonzero(position != NEVER if belongs is None else (position != NEVER) & belongs)
        self.clock = np.full(len(times), _UNKNOWN)
        np.minimum.at(self.clock, position[timed], micros(bars, "known_at")[timed])

    def known(self, target: IntArray, origin: IntArray, column: IntArray, forecast_known_at: IntArray) -> IntArray:
        """Position of the bar at whose close a forecast's error was known to all symbols.

        That is the target's own, or the one after it where the close, or the forecast, came after another symbol's
        close. NEVER where it came later still, as what is restated does, or not at all; and of a symbol that was no
        member of the universe when it was forecast, for it may have become one because of what came.

        Args:
            target: (rows,) position of each target bar; NEVER: none.
            origin: (rows,) position of each forecast's own bar.
            column: (rows,) symbol of each forecast.
            forecast_known_at: (rows,) microseconds since 1970.
        """
        cell = np.maximum(target, 0) * self.close.shape[1] + column
        there = (target != NEVER) & np.isfinite(self.close.ravel()[cell]) & self.member[origin, column]
        told = np.maximum(self.known_at.ravel()[cell], forecast_known_at)
        after = np.minimum(target + 1, len(self.clock) - 1)
        in_time = there & (told <= self.clock[target]) & (self.clock[target] < _UNKNOWN)
        late = there & ~in_time & (after > target) & (told <= self.clock[after]) & (self.clock[after] < _UNKNOWN)
        return np.where(in_time, target, np.where(late, after, NEVER))

    def early(self, origin: IntArray, column: IntArray, known_at: IntArray) -> BoolArray:
        """(rows,) whether a forecast of no member is known before a member's bar of its position is."""
        return np.asarray(~self.member[origin, column] & (known_at < self.clock[origin]))


def micros(frame: pl.DataFrame, column: str) -> IntArray:
    """A column of times as microseconds since 1970."""
    return frame.get_column(column).dt.epoch("us").to_numpy()


def positions_of(times: IntArray, grid: IntArray) -> IntArray:
    """Where each of `times` stands in the ascending `grid`; NEVER where it does not."""
    if not len(grid):
        return np.full(len(times), NEVER)
    found = np.minimum(np.searchsorted(grid, times), len(grid) - 1)
    return np.where(grid[found] == times, found, NEVER)


def codes_of(frame: pl.DataFrame, symbols: Sequence[str]) -> IntArray:
    """The place of each row's symbol in `symbols`, NEVER where it is not among them."""
    symbol = frame.get_column("symbol")
    # Frames go symbol by symbol: looking a run's name up once is several times faster than each row's.
    begin = (symbol != symbol.shift(1)).fill_null(value=True).arg_true()
    codes = symbol.gather(begin).cast(pl.Enum(symbols), strict=False).to_physical().cast(pl.Int64).fill_null(NEVER)
    return np.repeat(codes.to_numpy(), np.diff(np.append(begin.to_numpy().astype(np.int64), len(symbol))))


def panels(
    members: pl.DataFrame, names: Sequence[str], cells: Cells, outcomes: Outcomes, times: IntArray
) -> list[HorizonPanel]:
    """The rows of `members` as one panel for each of `cells.horizons`.

    Raises:
        ValueError: a row is there twice.
    """
    target = positions_of(micros(members, "target_open_time"), times)
    known = outcomes.known(target, cells.position, cells.symbol, micros(members, "known_at"))
    closes = outcomes.close[target, cells.symbol]
    with np.errstate(divide="ignore", invalid="ignore"):
        realised = np.log(closes / members.get_column("origin_price").to_numpy())
    realised[~np.isfinite(realised) | (target == NEVER)] = np.nan
    known = np.where(np.isnan(realised), NEVER, known)
    place, size = cells.flat, len(cells.horizons) * cells.shape[0] * cells.shape[1]

    def laid(values: NDArray[Any], empty: float) -> NDArray[Any]:
        whole = np.full(size, empty, dtype=values.dtype)
        whole[place] = values
        return whole.reshape(len(cells.horizons), *cells.shape)

    taken = np.zeros(size, dtype=np.bool_)
    taken[place] = True
    if np.count_nonzero(taken) < len(place):
        require_unique(members, "members", ["symbol", "open_time", "horizon"])

    mean = {name: laid(members.get_column(f"mean_{name}").to_numpy(), np.nan) for name in names}
    volatility = {name: laid(members.get_column(f"volatility_{name}").to_numpy(), np.nan) for name in names}
    able = {name: laid(_able(members, name), empty=False) for name in names}
    came, counted = laid(realised, np.nan), laid(known, NEVER)
    return [
        HorizonPanel(
            tuple(names),
            {name: mean[name][layer] for name in names},
            {name: volatility[name][layer] for name in names},
            {name: able[name][layer] for name in names},
            came[layer],
            counted[layer],
        )
        for layer in range(len(cells.horizons))
    ]


def _able(members: pl.DataFrame, name: str) -> BoolArray:
    """The random walk always is: what it says of itself is no other's forecast."""
    if name == RANDOM_WALK:
        return np.ones(members.height, dtype=np.bool_)
    stands_in = (pl.col(f"engine_{name}") == "baseline") & pl.col(f"fallback_{name}").is_not_null()
    return members.select(~stands_in).to_series().to_numpy()

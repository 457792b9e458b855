"""Frames of forecasts and bars as arrays: where rows lie, what came of them, and the errors in order.

A position is where a bar stands on the calendar's grid, so that a window of bars is the same whether the frames begin
with it or long before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradepipe.forecasting.ensemble.blending import Said, columns_of
from tradepipe.forecasting.ensemble.kernels import laying
from tradepipe.forecasting.ensemble.kernels.laying import NEVER, UNKNOWN
from tradepipe.forecasting.ensemble.room import Room
from tradepipe.forecasting.frames import Runs, goes_by_bar, require_unique, runs_of
from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray
from tradepipe.forecasting.sharing import parts_of, side_by_side


@dataclass(frozen=True)
class Errors:
    """The forecasts of one horizon whose errors became known: by when they did, then by origin, then by symbol.

    Attributes:
        begin: (P + 1,) where those begin that became known at each of P positions.
        realised: (errors,) log return that came.
        said: what members said, (errors,) each.
    """

    begin: IntArray
    realised: FloatArray
    said: Said


@dataclass(frozen=True)
class Cells:
    """Where each row of a frame of member forecasts lies.

    Attributes:
        room: for arrays of as many rows.
        horizons: that occur, ascending.
        layer: (rows,) index into `horizons`.
        position: (rows,) of the origin on the grid.
        symbol: (rows,) column.
    """

    room: Room
    horizons: tuple[int, ...]
    layer: IntArray
    position: IntArray
    symbol: IntArray

    @classmethod
    def of(cls, rows: pl.DataFrame, runs: Runs, room: Room, position: IntArray, symbols: Sequence[str]) -> "Cells":
        """Where `rows` lie whose origins have each a `position` and whose symbols, in `runs`, are among `symbols`."""
        told, layer = room.whole(rows.get_column("horizon")), room.integers()
        counts = np.bincount(told)
        np.take(np.cumsum(counts > 0) - 1, told, out=layer, mode="clip")
        room.give_back(told)
        return cls(room, tuple(np.flatnonzero(counts).tolist()), layer, position, codes_of(runs, symbols, room))


class Outcomes:
    """Closes and the times at which they were known, by symbol and grid position.

    Args:
        bars: symbol, open_time, close, known_at (UTC); each bar once. Bars off the grid are left out. is_member,
            whether the symbol was a member of the universe on the session, where that changes.
        times: (P,) open times of the grid, microseconds since 1970, ascending.
        symbols: of the columns.
    """

    def __init__(self, bars: pl.DataFrame, times: IntArray, symbols: Sequence[str]) -> None:
        room, changes = Room(bars.height), "is_member" in bars.columns
        opened = room.micros(bars.get_column("open_time"))
        if not goes_by_bar(bars):
            require_unique(bars, "bars", ["symbol", "open_time"])
        belongs = bars.get_column("is_member").to_numpy(writable=True) if changes else np.ones(bars.height, np.bool_)
        self.times = times
        self.close = np.full((len(symbols), len(times)), np.nan)
        self.known_at = np.full(self.close.shape, UNKNOWN)
        self.member = np.full(self.close.shape, not changes)
        # What another symbol tells later than the first member is too late for this one.
        self.clock = np.full(len(times), UNKNOWN)
        place, column = positions_of(opened, times, room), codes_of(runs_of(bars), symbols, room)
        known_at, close = room.micros(bars.get_column("known_at")), room.column(bars.get_column("close"))
        laying.place_bars(place, column, close, known_at, belongs, *self.laid)

    @property
    def laid(self) -> tuple[FloatArray, IntArray, BoolArray, IntArray]:
        """As the kernels want them."""
        return self.close, self.known_at, self.member, self.clock

    def early(self, origin: IntArray, column: IntArray, known_at: IntArray) -> BoolArray:
        """(rows,) whether a forecast of no member is known before a member's bar of its position is."""
        return np.asarray(~self.member[column, origin] & (known_at < self.clock[origin]))


def positions_of(opened: IntArray, times: IntArray, room: Room) -> IntArray:
    """Where each of `opened` stands in the ascending `times`; NEVER where it does not."""
    positions = room.integers()
    laying.find_positions(opened, times, positions)
    return positions


def codes_of(runs: Runs, symbols: Sequence[str], room: Room) -> IntArray:
    """The place of each row's symbol in `symbols`, NEVER where it is not among them; `runs` are of all rows."""
    names, begin = runs
    codes = names.cast(pl.Enum(symbols), strict=False).to_physical().cast(pl.Int64).fill_null(NEVER)
    told = room.integers()
    laying.spread(codes.to_numpy(writable=True), begin, told)
    return told


def errors_of(  # noqa: PLR0913 - what was forecast, where that lies, what came
    members: pl.DataFrame,
    names: Sequence[str],
    cells: Cells,
    outcomes: Outcomes,
    span: tuple[int, int],
    *,
    threads: int = 1,
) -> list[Errors]:
    """For each of `cells.horizons` the errors of `members` that became known at positions in `span`, ends included.

    Raises:
        ValueError: a row is there twice.
    """
    room, layers, (symbols, positions) = cells.room, len(cells.horizons), outcomes.close.shape
    index = np.full(positions * symbols * layers, NEVER)
    if laying.place_rows(cells.layer, cells.position, cells.symbol, symbols, layers, index) < members.height:
        require_unique(members, "members", ["symbol", "open_time", "horizon"])
    known, realised = _met(members, cells, outcomes, threads)
    begin, visit, to = np.zeros((layers, positions + 1), dtype=np.int64), room.integers(), room.integers()
    count = laying.arrange(index, cells.layer, known, *span, begin, visit, to)
    columns = columns_of(members, names)
    room.give_back(cells.layer, cells.position, cells.symbol, known)

    def moved(values: FloatArray) -> FloatArray:
        after = room.floats()[:count]
        laying.move(values, visit, to, after)
        room.give_back(values)
        return after

    came = moved(realised)
    told = side_by_side(threads, lambda values: moved(room.column(values)), columns.values())

    def of_layer(own: IntArray) -> Errors:
        here = slice(own[0], own[-1])
        said = Said(tuple(names), dict(zip(columns, told, strict=True)))
        return Errors(own - own[0], came[here], said.at(here))

    return [of_layer(own) for own in begin]


def _met(members: pl.DataFrame, cells: Cells, outcomes: Outcomes, threads: int) -> tuple[IntArray, FloatArray]:
    """The position at which the error of each forecast became known, and the log return that came; NaN of none."""
    room = cells.room
    aims, known_at = (room.micros(members.get_column(name)) for name in ("target_open_time", "known_at"))
    price, target = room.column(members.get_column("origin_price")), room.integers()
    known, realised = room.integers(), room.floats()

    def run(a: int, b: int) -> None:
        laying.find_positions(aims[a:b], outcomes.times, target[a:b])
        own = cells.position[a:b], target[a:b], cells.symbol[a:b], known_at[a:b], price[a:b]
        laying.meet(*own, *outcomes.laid, known[a:b], realised[a:b])
        with np.errstate(divide="ignore", invalid="ignore"):
            np.log(realised[a:b], out=realised[a:b])

    edges = parts_of(members.height, threads)
    side_by_side(threads, run, edges[:-1], edges[1:])
    room.give_back(aims, known_at, price, target)
    return known, realised

"""Where raw bars lie: on the calendar's grid, and among the rows of their own symbol."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.bars.windows import PARTITION
from tradepipe.markets import Market

SLOT = "slot"
CLOSE_TIME = "close_time"

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def on_grid(raw: pl.DataFrame, market: Market, also: pl.Series | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`raw` with its place on the calendar, and the grid it was placed on.

    Args:
        raw: session, open_time, interval; at least one row, or one in `also`.
        market: whose calendar and interval expect the bars.
        also: more sessions that the grid is to hold.

    Returns:
        `raw` with `close_time` (UTC) and `slot` (the bar's row of the grid), both null where the
        calendar expects no such bar; and the grid: session, open_time, close_time of every bar that
        the calendar expects from the first to the last session.
    """
    sessions = raw.get_column("session")
    start, end = market.dates
    days = sessions if also is None else pl.concat([sessions, also])
    first, last = max(days.min(), start), min(days.max(), end)  # type: ignore[type-var]  # both are dates
    grid = market.calendar.grid(first, last, market.settings.interval)  # type: ignore[arg-type]
    if grid.is_empty():
        nowhere = [pl.lit(None, raw.schema["open_time"]).alias(CLOSE_TIME), pl.lit(None, pl.Int64).alias(SLOT)]
        return raw.with_columns(nowhere), grid
    opens = grid.get_column("open_time")
    slot = opens.search_sorted(raw.get_column("open_time")).clip(0, grid.height - 1).cast(pl.Int64)
    fits = (
        (opens.gather(slot) == raw.get_column("open_time"))
        & (grid.get_column("session").gather(slot) == sessions)
        & (raw.get_column("interval") == market.settings.interval)
    )
    placed = raw.with_columns(grid.get_column(CLOSE_TIME).gather(slot).alias(CLOSE_TIME), slot.alias(SLOT))
    if fits.all():  # the usual case: nothing is masked
        return placed, grid
    return placed.with_columns(pl.when(fits).then(CLOSE_TIME).alias(CLOSE_TIME), pl.when(fits).then(SLOT)), grid


@dataclass(frozen=True)
class Order:
    """The rows of a frame by symbol and slot: arrays over the sorted rows, and the way back.

    `rows[k]` is the frame's row that stands at place k. `key` is symbol and slot in one number, never
    decreasing; rows of the same bar share it and stand in the order in which they were known.
    """

    rows: Integers
    symbol: Integers
    slot: Integers
    key: Integers

    @property
    def repeats(self) -> Flags:
        """True where a row is of the same bar as the row before it."""
        return np.concatenate([[False], self.key[1:] == self.key[:-1]])[: self.key.size]

    def only(self, rows: Flags) -> "Order":
        """The same order of fewer rows."""
        return Order(self.rows[rows], self.symbol[rows], self.slot[rows], self.key[rows])

    @property
    def begins(self) -> Flags:
        """True at each symbol's first row."""
        return np.concatenate([[True], self.symbol[1:] != self.symbol[:-1]])[: self.symbol.size]


def ordered(frame: pl.DataFrame, slots: int) -> Order:
    """The order of `frame`'s rows by symbol, slot (no nulls, below `slots`), and then as they were known.

    Rows of one bar are ordered by known_at, delivered_at (null first), file and line, as
    `tradepipe.bars.versions` orders them.
    """
    symbol, slot = numbers(frame.get_column("symbol")), frame.get_column(SLOT).to_numpy()
    key = symbol * slots + slot
    rows = np.arange(key.size)
    if not np.all(key[1:] > key[:-1]):
        rows = np.argsort(key, kind="stable")
        sorted_key = key[rows]
        again = np.concatenate([[False], sorted_key[1:] == sorted_key[:-1]])
        if again.any():
            several = again | np.concatenate([again[1:], [False]])
            rows[several] = _as_known(frame, rows[several], sorted_key[several])
    return Order(rows, symbol[rows], slot[rows], key[rows])


def _as_known(frame: pl.DataFrame, rows: Integers, key: Integers) -> Integers:
    arrived = ["arrived_at"] if "arrived_at" in frame.columns else []
    names = ["known_at", "delivered_at", *arrived, "file", "line"]
    some = frame.select(names)[rows].with_columns(pl.Series("key", key), pl.Series("row", rows))
    return some.sort("key", *names, nulls_last=False).get_column("row").to_numpy()


def runs(frame: pl.DataFrame, name: str) -> pl.Series:
    """The column's values, rows of one value that lie together as one."""
    column = frame.get_column(name)
    return column.filter((column != column.shift(1)).fill_null(value=True))


def in_order(bars: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Columns `names` of bars, each once and on the grid, by partition, symbol and slot; not copied if they are so."""
    if bars.is_empty():
        return bars.select(names)
    partition, symbol = numbers(bars.get_column(PARTITION)), numbers(bars.get_column("symbol"))
    slot = bars.get_column(SLOT).to_numpy()
    width = int(slot.max()) + 1
    key = (partition * (int(symbol.max()) + 1) + symbol) * width + slot
    if np.all(key[1:] > key[:-1]):
        return bars.select(names)
    return bars.select(names)[np.argsort(key, kind="stable")]


def numbers(words: pl.Series) -> Integers:
    """A number for each word, in the words' order; rows of one word that lie together cost one look-up."""
    if words.is_empty():
        return np.empty(0, np.int64)
    starts = (words != words.shift(1)).fill_null(value=True).arg_true()
    heads = words.gather(starts)
    found = heads.unique().sort().search_sorted(heads).to_numpy().astype(np.int64)
    return np.repeat(found, np.diff(np.append(starts.to_numpy().astype(np.int64), len(words))))

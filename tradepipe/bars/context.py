"""What was known before a bar: the rows of its symbol in the slots before it, as they were known then."""

import functools
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.bars.placing import Flags, Integers, Order

Floats = NDArray[np.float64]
NOTHING = -1
NUMBERS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Words:
    """What was said of bars, by symbol, slot and the moment it was known; arrays of one length.

    `plain` is True for rows of a symbol whose bars were each told once and in their order: there, what
    was known before a bar is simply the rows before it.
    """

    symbol: Integers
    slot: Integers
    key: Integers
    known: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    plain: Flags

    @functools.cached_property
    def moments(self) -> tuple[Integers, int]:
        """For each row, which of all moments it was known at, counted in order; and how many there are."""
        moments, rank = np.unique(self.known, return_inverse=True)
        return rank, moments.size


def words(frame: pl.DataFrame, order: Order) -> Words:
    """The rows of `frame` (open, high, low, close, volume, known_at) as arrays in `order`."""

    def values(name: str) -> Floats:
        return frame.get_column(name).to_numpy()[order.rows]

    known = frame.get_column("known_at").to_physical().to_numpy()[order.rows]
    same = ~order.begins
    out_of_order = same & np.concatenate([[False], (known[1:] < known[:-1]) | order.repeats[1:]])[: known.size]
    plain = np.ones(int(order.symbol[-1]) + 1 if known.size else 0, np.bool_)
    plain[order.symbol[out_of_order]] = False
    return Words(
        symbol=order.symbol,
        slot=order.slot,
        key=order.key,
        known=known,
        plain=plain[order.symbol],
        **{name: values(name) for name in NUMBERS},
    )


def before(told: Words, at: Integers, slots: int) -> Integers:
    """For each row of `at`, the rows in the `slots` slots before it that were known when it was, nearest first.

    Of several words of one bar, the last that was known by then. One line a row, `slots` columns,
    NOTHING where there is no such row; what is there need not lie together.
    """
    lags = np.arange(1, slots + 1)
    found = np.empty((at.size, slots), np.int64)
    plain = told.plain[at]
    found[plain] = _rows_above(told, at[plain], lags)
    if not plain.all():
        found[~plain] = _looked_up(told, at[~plain], lags)
    return found


def _rows_above(told: Words, at: Integers, lags: Integers) -> Integers:
    rows = at[:, None] - lags
    # A key holds symbol and slot: within the window, it is of the same symbol if the slot stays at or above zero.
    oldest = told.key[at] - np.minimum(lags[-1], told.slot[at])
    there = (rows >= 0) & (told.key[np.maximum(rows, 0)] >= oldest[:, None])
    return np.where(there, rows, NOTHING)


def _looked_up(told: Words, at: Integers, lags: Integers) -> Integers:
    rank, moments = told.moments
    spoken = told.key * moments + rank  # never decreasing: words are in the order in which they were known
    key = told.key[at][:, None] - lags
    rows = np.searchsorted(spoken, key * moments + rank[at][:, None], side="right") - 1
    there = (rows >= 0) & (told.key[rows] == key) & (lags <= told.slot[at][:, None])
    return np.where(there, rows, NOTHING)

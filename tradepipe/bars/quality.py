"""The quality of bars that keep their contract: which findings flag a bar, and which refuse it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.bars.context import words
from tradepipe.bars.findings import FINDINGS, find
from tradepipe.bars.placing import Flags, Integers, Order, ordered
from tradepipe.contracts import QUALITY_CODES, REASON
from tradepipe.markets import Market

QUALITY = "quality"
OK = "ok"
NON_POSITIVE = "non_positive"

_CODES = pl.Series(QUALITY, QUALITY_CODES, dtype=pl.String)
_LOWEST = pl.min_horizontal("open", "high", "low", "close")

DETAILS = {
    "stale": "equal to the bars before it, with volume",
    "twin": "the last bars equal another symbol's",
    "volume_unit": "the volume is far from the usual volume: perhaps in another unit",
    "spike": "far from the bar before and from the usual price",
    "wrong_unit": "a hundredfold or a hundredth of the usual price, or tenfold within one bar: another unit?",
}


def allowed_quality(market: Market) -> pl.Expr:
    """`non_positive` where a price is at or below zero and the instrument may have that; else `ok`."""
    may = [one.symbol for one in market.universe.instruments if one.may_be_negative]
    if not may:
        return pl.lit(OK)
    return pl.when(pl.col("symbol").is_in(may) & (_LOWEST <= 0)).then(pl.lit(NON_POSITIVE)).otherwise(pl.lit(OK))


@dataclass(frozen=True)
class Judged:
    """Rows by the findings about them.

    `kept`: the input's columns with `quality`; `refused`: the same with `reason`. Both in the input's
    order. `several`: True at the rows of `kept` whose bar has more than one row. `bars`: symbol number
    (`placing.numbers` of the rows judged) times slots plus slot of each bar kept, ascending; `said`: the
    same of each bar judged.
    """

    kept: pl.DataFrame
    refused: pl.DataFrame
    several: pl.Series
    bars: Integers
    said: Integers


def judge(good: pl.DataFrame, market: Market, slots: int, released: pl.DataFrame | None = None) -> Judged:
    """Judge rows that keep the contract by what was known of their symbol when they were known.

    So a finding depends on rows known by the row's own `known_at` alone: what is restated or delivered
    later changes no earlier finding, and `bars` as of a time are what cleaning at that time gave. A row
    that says the same as the word before it takes that word's findings.

    Args:
        good: what `BARS.split` kept: `quality` as `allowed_quality` gives it, `slot` below `slots`.
        market: whose `cleaning` settings say what is looked for, and which findings refuse.
        slots: length of the grid.
        released: file, line, reason and, where it is told, sha256: rows that pass the finding `reason`.
    """
    told = market.settings.cleaning
    order = ordered(good, slots)
    starts, run = _words(good, order)
    found = find(words(good, order if run is None else order.only(starts)), told)
    rows = {name: order.rows[flags if run is None else flags[run]] for name, flags in found.items() if flags.any()}
    code, reason = _codes(good, rows, told.refuse, released)
    again = order.repeats
    several = np.zeros(again.size, np.bool_)
    several[order.rows[again | np.concatenate([again[1:], [False]])[: again.size]]] = True
    said = order.key[~again] if again.any() else order.key
    bars = np.unique(order.key[reason[order.rows] == 0]) if reason.any() else said
    kept, refused = _parted(_flagged(good, code), reason)
    return Judged(kept, refused, pl.Series(several).filter(pl.Series(reason == 0)), bars, said)


def _words(good: pl.DataFrame, order: Order) -> tuple[Flags, Integers | None]:
    """The ordered rows that say something new of their bar; and for each row, which of them says the same."""
    again = order.repeats
    if not again.any():
        return ~again, None
    for name in ("open", "high", "low", "close", "volume"):
        values = good.get_column(name).to_numpy()[order.rows]
        again[1:] &= values[1:] == values[:-1]
    return ~again, np.cumsum(~again) - 1


def _codes(
    good: pl.DataFrame, rows: dict[str, Integers], refuse: Sequence[str], released: pl.DataFrame | None
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """For each row, its quality and the reason to refuse it (0: none), as places in QUALITY_CODES."""
    code, reason = _zero_volume(good), np.zeros(good.height, np.int8)
    for name in FINDINGS:  # the most serious last
        if name in rows and name in refuse:
            passed = _released(good, released, name)[rows[name]]
            code[rows[name][passed]] = QUALITY_CODES.index(name)
            reason[rows[name][~passed]] = QUALITY_CODES.index(name)
        elif name in rows:
            code[rows[name]] = QUALITY_CODES.index(name)
    return code, reason


def _flagged(good: pl.DataFrame, code: NDArray[np.int8]) -> pl.DataFrame:
    if not code.any():
        return good
    words, allowed = _CODES.gather(pl.Series(code)), good.get_column(QUALITY)
    return good.with_columns(words if (allowed == OK).all() else words.zip_with(allowed == OK, allowed))


def _parted(judged: pl.DataFrame, reason: NDArray[np.int8]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows without a reason, and those with one, named."""
    if not reason.any():
        nothing = judged.clear().with_columns(pl.lit(None, pl.String).alias(REASON))
        return judged, nothing
    out = pl.Series(reason > 0)
    reasons = _CODES.gather(pl.Series(reason[reason > 0])).alias(REASON)
    return judged.filter(~out), judged.filter(out).with_columns(reasons)


def _zero_volume(good: pl.DataFrame) -> NDArray[np.int8]:
    """The code of `zero_volume` where a bar traded nothing although its price moved; elsewhere that of `ok`."""
    volume, high, low = (good.get_column(name).to_numpy() for name in ("volume", "high", "low"))
    return np.asarray(((volume == 0) & (high > low)) * np.int8(QUALITY_CODES.index("zero_volume")), np.int8)


def _released(good: pl.DataFrame, released: pl.DataFrame | None, finding: str) -> Flags:
    """True at the rows that an operator let through for this finding."""
    if released is None or released.is_empty():
        return np.zeros(good.height, np.bool_)
    wanted = released.filter(pl.col(REASON) == finding)
    names = ["file", "line"]
    if "sha256" in wanted.columns:
        wanted, names = wanted.rename({"sha256": "file_sha256"}), [*names, "file_sha256"]
    rows = good.select(names).with_row_index("row").join(wanted.select(names), on=names, how="semi")
    passed = np.zeros(good.height, np.bool_)
    passed[rows.get_column("row").to_numpy()] = True
    return passed

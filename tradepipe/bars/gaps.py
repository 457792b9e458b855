"""The gap ledger: what the calendar expects, what came, and why the rest is missing."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from tradepipe.bars.closures import closures
from tradepipe.bars.placing import SLOT, Flags, Integers
from tradepipe.bars.windows import PARTITION
from tradepipe.contracts import GAPS, REASON
from tradepipe.markets import Market

NEVER = np.iinfo(np.int64).max
ARRIVED = ("symbol", SLOT, PARTITION, REASON, "file", "line")
REFUSED, OUTAGE, LATE, HALT, UNKNOWN = "refused", "venue_outage", "late", "halt", "unknown"
ITSELF = ("duplicate_row", "superseded_row")


@dataclass(frozen=True)
class Kept:
    """The bars that are there.

    `key`: number of the symbol in `symbols` times the grid's length plus slot, ascending, each once.
    `said`: the same of those that a finding refused, too: what a finding makes of a bar in the lookback
    depends on how much of its own lookback is there, and the ledger must not.
    `partitions`: the partitions that have any; repeats do no harm.
    """

    key: Integers
    said: Integers
    symbols: pl.Series
    partitions: pl.Series


@dataclass(frozen=True)
class _Parts:
    """The partitions: keys, first slot, slot after the last, and the first slot of what each may look back to."""

    keys: pl.Series
    first: Integers
    stop: Integers
    anchor: Integers


def find_gaps(kept: Kept, refused: pl.DataFrame, grid: pl.DataFrame, market: Market, lookback: int) -> pl.DataFrame:
    """The gaps of each partition, told from its own rows and those of `lookback` sessions before it.

    A symbol lacks a bar if it has one within that reach before it, be it refused by a finding, and in
    the partition either the symbol or another has one after it. So bars from before a symbol's first,
    and those after the newest of the market, are not missing. Of a gap over several partitions, each
    holds the bars that it can know to be missing; none is in two. Reasons, the first that holds:

    | reason | told by |
    |---|---|
    | `refused` | the bar arrived and is in quarantine; `detail` is the reason code |
    | `venue_outage` | no symbol has the bar, and at least two lack it |
    | `late` | the symbol has no later bar in the partition |
    | `halt` | intraday: other symbols traded, and this one again in the same session |
    | `unknown` | none of them |
    | `holiday` | a weekday on which the calendar has no session; symbol `*`, no bars |
    | `half_day` | a session that closes early; symbol `*`, no bars |

    A holiday is in the partition of its month or of the next session.

    Args:
        kept: the bars that are there.
        refused: refused rows: symbol, slot (null where none is), partition, reason, file, line.
        grid: what the slots count: session, open_time, close_time.
        market: for calendar, interval and partitions.
        lookback: sessions.

    Returns:
        The GAPS columns and `partition`, sorted by symbol and first_open_time. Symbols without gaps
        cost nothing.
    """
    arrived = refused.filter(pl.col(SLOT).is_not_null() & ~pl.col(REASON).is_in(list(ITSELF)))
    keys = pl.concat([kept.partitions, arrived.get_column(PARTITION)]).unique().sort()
    if keys.is_empty():
        return GAPS.empty().with_columns(pl.lit(None, pl.String).alias(PARTITION))
    parts = _parts(keys, grid, market, lookback)
    missing = _missing(kept, arrived, grid, parts, market)
    return pl.concat([missing, closures(parts.keys, market)]).sort("symbol", "first_open_time")


def _parts(keys: pl.Series, grid: pl.DataFrame, market: Market, lookback: int) -> _Parts:
    windows = market.partitions.windows(keys.to_list(), lookback)
    session = grid.get_column("session")

    def place(name: str, side: Literal["left", "right"]) -> Integers:
        return np.asarray(session.search_sorted(windows.get_column(name), side=side).to_numpy(), np.int64)

    return _Parts(
        windows.get_column(PARTITION),
        place("first_session", "left"),
        place("last_session", "right"),
        place("anchor_session", "left"),
    )


def _missing(kept: Kept, arrived: pl.DataFrame, grid: pl.DataFrame, parts: _Parts, market: Market) -> pl.DataFrame:
    traded, came = np.zeros(grid.height, np.bool_), np.zeros(grid.height, np.bool_)
    traded[kept.key % grid.height] = True
    came |= traded
    came[arrived.get_column(SLOT).to_numpy()] = True
    runs = _between(kept.key, kept.symbols, grid.height)
    told = _told(runs, kept.said, came, parts)
    # One line a missing bar.
    counts = told.get_column("last").to_numpy() - told.get_column("first").to_numpy() + 1
    line = np.repeat(np.arange(told.height), counts)
    slot = told.get_column("first").to_numpy()[line] + _counted(counts)
    session = grid.get_column("session").to_physical().to_numpy()
    begun = session[told.get_column("after").to_numpy()[line]] == session[slot]
    ended = session[np.minimum(told.get_column("until").to_numpy()[line], grid.height - 1)] == session[slot]
    lacking = told[line].with_columns(
        pl.Series(SLOT, slot),
        pl.Series("came", came[slot]),
        pl.Series("within", traded[slot] & begun & ended),
    )
    return _runs(_reasoned(lacking, arrived, market), grid, parts)


def _between(key: Integers, symbols: pl.Series, slots: int) -> pl.DataFrame:
    """symbol, base, after, until: each bar that the next slot's does not follow, and the symbol's next bar, or NEVER.

    `base` is the key of the symbol's slot 0.
    """
    # Where the next symbol's first key follows, this one's last bar is the grid's last: nothing is missing after it.
    follows = np.concatenate([key[1:] == key[:-1] + 1, [False]])[: key.size]
    here = np.flatnonzero(~follows)
    after, following = key[here], np.append(key, NEVER)[here + 1]
    until = np.where(following // slots == after // slots, following % slots, NEVER)
    symbol = after // slots
    columns = {"base": symbol * slots, "after": after % slots, "until": until}
    return pl.DataFrame({"symbol": symbols.gather(pl.Series(symbol)), **columns})


def _told(runs: pl.DataFrame, said: Integers, came: Flags, parts: _Parts) -> pl.DataFrame:
    """The columns of `runs`, part, resumed, first, last: the missing slots that each partition can tell of each run."""
    after, until = runs.get_column("after").to_numpy(), runs.get_column("until").to_numpy()
    # The newest slot of the market before each partition, and within it (below its first where nothing came).
    newest = np.maximum.accumulate(np.where(came, np.arange(came.size), -1))
    before = np.where(parts.first > 0, newest[np.maximum(parts.first - 1, 0)], -1)
    within = newest[parts.stop - 1]
    begin = np.searchsorted(parts.first, after, side="right") - 1
    resumes = np.where(until == NEVER, NEVER, np.searchsorted(parts.first, until, side="right") - 1)
    base = runs.get_column("base").to_numpy()
    newer = _last_said(said, base, np.minimum(until, came.size))
    reach = np.minimum(np.searchsorted(parts.anchor, newer, side="right") - 1, parts.first.size - 1)
    counts = np.minimum(resumes, reach) - begin + 1
    line = np.repeat(np.arange(after.size), counts)
    part = begin[line] + _counted(counts)
    resumed = part == resumes[line]
    first = np.maximum(after[line], before[part]) + 1
    last = np.where(resumed, until[line] - 1, within[part])
    near = (part == begin[line]) | (_last_said(said, base[line], parts.first[part]) >= parts.anchor[part])
    some = np.flatnonzero((last >= first) & near)
    return runs[line[some]].with_columns(
        pl.Series("part", part[some]),
        pl.Series("resumed", resumed[some]),
        pl.Series("first", first[some]),
        pl.Series("last", last[some]),
    )


def _last_said(said: Integers, base: Integers, slot: Integers) -> Integers:
    """The last slot below `slot` that the symbol of `base` said anything of; there is one."""
    return said[np.searchsorted(said, base + slot, side="left") - 1] - base


def _counted(counts: Integers) -> Integers:
    """0, 1, … for each of `counts`, one after the other."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


def _reasoned(lacking: pl.DataFrame, arrived: pl.DataFrame, market: Market) -> pl.DataFrame:
    """`lacking` with reason and detail."""
    why = arrived.sort("symbol", SLOT, "file", "line").unique(["symbol", SLOT], keep="last", maintain_order=True)
    intraday = pl.lit(market.settings.interval != "1d")
    several = pl.len().over("part", SLOT) > 1
    code = why.select("symbol", SLOT, pl.col(REASON).alias("detail"))
    return lacking.join(code, on=["symbol", SLOT], how="left", maintain_order="left").with_columns(
        pl.when(pl.col("detail").is_not_null())
        .then(pl.lit(REFUSED))
        .when(~pl.col("came") & several)
        .then(pl.lit(OUTAGE))
        .when(~pl.col("resumed"))
        .then(pl.lit(LATE))
        .when(intraday & pl.col("within"))
        .then(pl.lit(HALT))
        .otherwise(pl.lit(UNKNOWN))
        .alias(REASON)
    )


def _runs(reasoned: pl.DataFrame, grid: pl.DataFrame, parts: _Parts) -> pl.DataFrame:
    """Missing bars that lie together for one reason, as one line."""
    names = ["symbol", "part", REASON, "detail"]
    together = [pl.col(name).eq_missing(pl.col(name).shift(1)) for name in names]
    starts = ~pl.all_horizontal(*together, pl.col(SLOT) == pl.col(SLOT).shift(1) + 1).fill_null(value=False)
    runs = (
        reasoned.with_columns(starts.cum_sum().alias("run"))
        .group_by("run", *names, maintain_order=True)
        .agg(pl.min(SLOT).alias("first"), pl.max(SLOT).alias("last"), pl.len().cast(pl.Int64).alias("bars"))
    )
    first, last = runs.get_column("first"), runs.get_column("last")
    return runs.with_columns(
        grid.get_column("session").gather(first).alias("session"),
        grid.get_column("open_time").gather(first).alias("first_open_time"),
        grid.get_column("close_time").gather(last).alias("last_close_time"),
        parts.keys.gather(runs.get_column("part")).alias(PARTITION),
    ).select(*GAPS.column_names, PARTITION)

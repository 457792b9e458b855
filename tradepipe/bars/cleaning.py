"""Cleaning: from what sources said to one true bar per symbol and open time."""

from dataclasses import dataclass

import polars as pl

from tradepipe.bars.gaps import ARRIVED, Kept, find_gaps
from tradepipe.bars.placing import SLOT, in_order, on_grid, runs
from tradepipe.bars.quality import DETAILS, QUALITY, allowed_quality, judge
from tradepipe.bars.versions import Versions, settle
from tradepipe.bars.windows import PARTITION
from tradepipe.contracts import BARS, BARS_HISTORY, GAPS, QUARANTINE, RAW_BARS, REASON, UNREAD_BARS
from tradepipe.markets import Market
from tradepipe.settings.models import CleaningSettings

LAYER = "bars"


@dataclass(frozen=True)
class Cleaned:
    """What cleaning made of raw bars; each raw row is in at most one of `bars`, `history` and `refused`.

    `bars`: the BARS columns and `partition`. `refused`: the QUARANTINE columns. `gaps`: the GAPS
    columns and `partition`. `history`: the BARS_HISTORY columns and `partition`: versions of bars that
    were true and were restated. A row in none of them confirms what was true already (decision 0009).
    """

    bars: pl.DataFrame
    refused: pl.DataFrame
    gaps: pl.DataFrame
    history: pl.DataFrame


def lookback_bars(settings: CleaningSettings) -> int:
    """How many expected bars before a bar can matter to its findings."""
    return max(settings.window, settings.stale_bars - 1, settings.twin_bars - 1)


def clean_bars(
    raw: pl.DataFrame, market: Market, released: pl.DataFrame | None = None, unread: pl.DataFrame | None = None
) -> Cleaned:
    """Refuse what cannot be true, settle deliveries, name what is odd and what is missing.

    The reason codes and findings are listed in docs/quality.md; each has one rule. In order:

    1. A row that breaks a rule of the BARS contract is refused with the rule's code. One whose open
       time is not the open of an expected bar is refused as `close_time_missing`. Prices at or below
       zero are refused as `price_not_positive`, but kept as quality `non_positive` for instruments
       whose universe entry says `may_be_negative`.
    2. The rest is judged against what was known of the symbol when the row was known (`quality.judge`,
       `findings`). Findings in `cleaning.refuse` refuse the row; the others are its quality, the most
       serious one. A bar that traded nothing although its price moved has quality `zero_volume`.
    3. Of several rows of one bar, versions are made (`versions.settle`). A refused row supersedes none.
    4. The gap ledger says which expected bars are missing, and why (`gaps.find_gaps`).

    All of it is a function of the rows alone. Bars, history and refused rows known by a time are the
    same whether later rows are there or not, and those of a partition depend on rows of
    `lookback_bars` expected bars before it and on no others; so do its gaps, by whole sessions.

    Args:
        raw: the RAW_BARS columns and `partition`, any order. Rows of earlier partitions serve as
            lookback and are cleaned as well; without their own lookback, they are not to be published.
        market: whose calendar, interval, universe and cleaning settings decide.
        released: file, line, reason and, if the column is there, sha256 of rows that an operator let
            through. A released row passes the finding named, never a rule of the contract.
        unread: the UNREAD_BARS columns and `partition`: bars that came in rows that could not be read.

    Returns:
        Bars sorted by partition, symbol and open time; history likewise and then by known_at; refused
        rows by file, line and reason; gaps by symbol and first open time.
    """
    unread = _no_unread() if unread is None else unread
    if raw.is_empty() and unread.is_empty():
        return _nothing()
    placed, grid = on_grid(raw, market, unread.get_column("session"))
    good, broken = BARS.split(placed.with_columns(allowed_quality(market).alias(QUALITY)))
    judged = judge(good, market, max(grid.height, 1), released)
    versions = _settled(judged.kept, judged.several)
    kept = Kept(judged.bars, judged.said, runs(good, "symbol").unique().sort(), runs(judged.kept, PARTITION))
    refused = _refused(broken, judged.refused, versions.refused)
    arrived = pl.concat([refused.select(ARRIVED), _slotted(unread, grid).select(ARRIVED)])
    lookback = market.lookback_sessions(lookback_bars(market.settings.cleaning))
    return Cleaned(
        bars=versions.current,
        refused=_quarantined(refused),
        gaps=find_gaps(kept, arrived, grid, market, lookback),
        history=versions.history.select(*BARS_HISTORY.column_names, PARTITION),
    )


def _nothing() -> Cleaned:
    partition = pl.lit(None, pl.String).alias(PARTITION)
    return Cleaned(
        BARS.empty().with_columns(partition),
        QUARANTINE.empty(),
        GAPS.empty().with_columns(partition),
        BARS_HISTORY.empty().with_columns(partition),
    )


def _no_unread() -> pl.DataFrame:
    return UNREAD_BARS.empty().with_columns(pl.lit(None, pl.String).alias(PARTITION))


def _slotted(unread: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """`unread` with `slot`; without those that the calendar does not expect any more."""
    slots = grid.select("open_time", "session", pl.int_range(pl.len(), dtype=pl.Int64).alias(SLOT))
    return unread.join(slots, on=["open_time", "session"], maintain_order="left")


def _settled(kept: pl.DataFrame, several: pl.Series) -> Versions:
    """The versions of `kept`; only bars with more than one row need settling. `current`: BARS columns and partition."""
    order, names = [PARTITION, *BARS.key], [*BARS.column_names, PARTITION]
    if not several.any():
        once = settle(kept.clear())
        return Versions(in_order(kept, names), once.history, once.refused, once.confirmed)
    versions = settle(kept.filter(several))
    current = pl.concat([kept.filter(~several), versions.current])
    history = versions.history.sort(*order, "known_at")
    return Versions(in_order(current, names), history, versions.refused, versions.confirmed)


def _refused(broken: pl.DataFrame, odd: pl.DataFrame, unsettled: pl.DataFrame) -> pl.DataFrame:
    descriptions = {rule.code: f"broken: {rule.description}" for rule in BARS.all_rules()} | DETAILS
    told = pl.concat([broken, odd]).with_columns(
        detail=pl.col(REASON).replace_strict(descriptions, return_dtype=pl.String)
    )
    return pl.concat([told, unsettled.select(told.columns)])


def _quarantined(refused: pl.DataFrame) -> pl.DataFrame:
    row = pl.struct(RAW_BARS.column_names).struct.json_encode()
    return QUARANTINE.arrange(refused.with_columns(row.alias("row"), layer=pl.lit(LAYER)))

"""Cleaning: from what sources said to one true bar per symbol and open time."""

from dataclasses import dataclass

import polars as pl

from tradepipe.bars.windows import PARTITION
from tradepipe.contracts import BARS, QUARANTINE, RAW_BARS
from tradepipe.markets import Market

LAYER = "bars"
KEY = ["symbol", "open_time"]
CONTENT = ["open", "high", "low", "close", "volume"]
MISSING = "missing"


@dataclass(frozen=True)
class Cleaned:
    """What cleaning made of raw bars; each raw row is in exactly one of `bars` and `refused`.

    `bars`: the BARS columns and `partition`. `refused`: the QUARANTINE columns. `gaps`: symbol,
    session, open_time, reason; bars that the calendar expects between a symbol's first and last kept
    bar and that are not there. The reason is `missing`, or the code for which the bar was refused.
    """

    bars: pl.DataFrame
    refused: pl.DataFrame
    gaps: pl.DataFrame


def clean_bars(raw: pl.DataFrame, market: Market) -> Cleaned:
    """Refuse what breaks the BARS contract, settle duplicates, name what is odd and what is missing.

    Each row is judged by itself, then the rows of one symbol and open time among themselves, so no
    symbol and no partition can change another. The order of `raw` does not matter.

    1. A row that breaks a rule of the contract is refused with the rule's code. One whose open time
       is no longer the open of an expected bar (the calendar was corrected since) is refused as
       `close_time_missing`. A broken row never supersedes a good one.
    2. Of several good rows of one bar, the last delivered is right: greatest `known_at`, then greatest
       file name, then line. Rows that say the same as it: the first is kept, the others are
       `duplicate_row`. Rows that say otherwise are `superseded_row`. So a file delivered again
       changes nothing, and a restatement in a later file wins.
    3. A bar that traded nothing although its price moved is kept as quality `zero_volume`.

    Args:
        raw: the RAW_BARS columns and `partition`, any order.
        market: whose calendar and interval decide when a bar closes.

    Returns:
        Bars sorted by symbol and open time, refused rows by file and line, gaps by symbol and time.
    """
    judged = _timed(raw, market).with_columns(quality=_quality())
    good, broken = BARS.split(judged)
    settled = _settle(good)
    kept = settled.filter(pl.col("reason").is_null())
    descriptions = {rule.code: rule.description for rule in BARS.all_rules()}
    refused = pl.concat(
        [
            broken.with_columns(
                detail=pl.format("broken: {}", pl.col("reason").replace_strict(descriptions, return_dtype=pl.String))
            ),
            settled.filter(pl.col("reason").is_not_null()).select(*broken.columns, "detail"),
        ]
    )
    bars = kept.select(*BARS.column_names, PARTITION).sort(BARS.key)
    return Cleaned(bars=bars, refused=_quarantined(refused), gaps=_gaps(bars, refused, market))


def _timed(raw: pl.DataFrame, market: Market) -> pl.DataFrame:
    """`raw` with close_time, null where the calendar expects no such bar."""
    expected = market.calendar.bars_at(raw.get_column("open_time"), *market.dates, market.settings.interval)
    same = pl.col("session") == pl.col("expected_session")
    fits = same & (pl.col("interval") == market.settings.interval)
    return (
        raw.hstack(expected.rename({"session": "expected_session"}))
        .with_columns(pl.when(fits).then("close_time").alias("close_time"))
        .drop("expected_session")
    )


def _quality() -> pl.Expr:
    moved = pl.col("high") > pl.col("low")
    return pl.when((pl.col("volume") == 0) & moved).then(pl.lit("zero_volume")).otherwise(pl.lit("ok"))


def _settle(good: pl.DataFrame) -> pl.DataFrame:
    """`good` with reason and detail, both null for the one row of each bar that is kept."""
    delivered = good.sort(*KEY, "known_at", "file", "line")
    agrees = pl.all_horizontal(pl.col(name) == pl.col(name).last().over(KEY) for name in CONTENT)
    where = pl.format("line {} of {}", "line", "file")
    return (
        delivered.with_columns(agrees.alias("agrees"), where.last().over(KEY).alias("last"))
        .with_columns(
            (pl.col("agrees").cum_sum().over(KEY) == 1).alias("first"),
            where.filter(pl.col("agrees")).first().over(KEY).alias("kept_at"),
        )
        .with_columns(
            reason=pl.when(~pl.col("agrees"))
            .then(pl.lit("superseded_row"))
            .when(~pl.col("first"))
            .then(pl.lit("duplicate_row")),
            detail=pl.when(~pl.col("agrees"))
            .then(pl.format("restated by {}", "last"))
            .when(~pl.col("first"))
            .then(pl.format("says the same as {}", "kept_at")),
        )
    )


def _quarantined(refused: pl.DataFrame) -> pl.DataFrame:
    row = pl.struct(RAW_BARS.column_names).struct.json_encode()
    return QUARANTINE.arrange(refused.with_columns(row.alias("row"), layer=pl.lit(LAYER)))


def _gaps(bars: pl.DataFrame, refused: pl.DataFrame, market: Market) -> pl.DataFrame:
    columns = ["symbol", "session", "open_time", "reason"]
    if bars.is_empty():
        return refused.select(columns).clear()
    first, last = bars.get_column("session").min(), bars.get_column("session").max()
    grid = market.calendar.grid(first, last, market.settings.interval)  # type: ignore[arg-type]  # both are dates
    opens = grid.get_column("open_time")
    spans = bars.group_by("symbol").agg(
        pl.min("open_time").alias("from"), pl.max("open_time").alias("to"), pl.len().alias("present")
    )
    expected = opens.search_sorted(spans.get_column("to")) - opens.search_sorted(spans.get_column("from")) + 1
    # Only symbols that lack something are laid against the grid: most lack nothing.
    lacking = spans.filter(expected > spans.get_column("present"))
    why = refused.sort(*KEY, "file", "line").unique(KEY, keep="last", maintain_order=True).select(*KEY, "reason")
    return (
        lacking.lazy()
        .join(grid.lazy(), how="cross")
        .filter(pl.col("open_time").is_between("from", "to"))
        .join(bars.lazy().select(KEY), on=KEY, how="anti")
        .join(why.lazy(), on=KEY, how="left")
        .with_columns(pl.col("reason").fill_null(MISSING))
        .select(columns)
        .sort(KEY)
        .collect()
    )

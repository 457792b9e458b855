"""Versions: what several deliveries said of one bar, and from when until when each was true."""

from dataclasses import dataclass

import polars as pl

KEY = ["symbol", "open_time"]
CONTENT = ["open", "high", "low", "close", "volume"]
DUPLICATE, SUPERSEDED = "duplicate_row", "superseded_row"


@dataclass(frozen=True)
class Versions:
    """What became of the delivered rows; each one is in exactly one of the four frames.

    `current`: the input's columns, one row a bar: the last word, sorted by symbol and open time.
    `history`: the input's columns and `superseded_at` (UTC): words that were true and were restated
    then, sorted by symbol, open time and known_at.
    `refused`: the input's columns, `reason` and `detail`: `duplicate_row` where one delivery says the
    same twice, `superseded_row` where another word was known at the same moment, so that the row
    never was true.
    `confirmed`: the input's columns: rows of other deliveries that say what was true already.
    """

    current: pl.DataFrame
    history: pl.DataFrame
    refused: pl.DataFrame
    confirmed: pl.DataFrame


def settle(good: pl.DataFrame) -> Versions:
    """Order the deliveries of each bar, and say which word was true when (decision 0009).

    Rows of one symbol and open time are ordered by `known_at`, `delivered_at` (null first),
    `arrived_at` if there is such a column, file and line. Of several rows known at one moment the last
    speaks; the others were never true by themselves. Words in a row that say the same (open, high,
    low, close, volume) are one version, known from the first of them; a version is superseded at the
    `known_at` of the next. So A, B, A are three versions, and a delivery that repeats the current
    word changes nothing.

    What is true by time t depends on rows with `known_at <= t` alone. The order of `good` does not
    matter; where no bar comes twice, the only work is to see that.

    Args:
        good: rows that broke no rule: symbol, open_time, known_at (no nulls), delivered_at, the five
            numbers (no nulls, no NaN), file, line, and any others, which are carried along.
    """
    no_history = good.clear().with_columns(pl.lit(None, good.schema["known_at"]).alias("superseded_at"))
    no_refused = good.clear().with_columns(reason=pl.lit(None, pl.String), detail=pl.lit(None, pl.String))
    if _once_each(good):
        return Versions(good, no_history, no_refused, good.clear())
    several = good.select(pl.struct(KEY).is_duplicated()).to_series()
    if not several.any():
        return Versions(good.sort(KEY), no_history, no_refused, good.clear())
    words, superseded = _spoken(good.filter(several))
    runs = _runs(words)
    # A start and the bar's next start are one version and the version after it.
    versions = runs.filter("starts").with_columns(
        superseded_at=pl.when(_same_bar(-1)).then(pl.col("known_at").shift(-1)),
    )
    again = runs.filter(~pl.col("starts"))
    duplicates = again.filter("same_delivery").with_columns(
        reason=pl.lit(DUPLICATE), detail=pl.format("says the same as {}", "kept_at")
    )
    last = pl.col("superseded_at").is_null()
    return Versions(
        current=pl.concat([good.filter(~several), versions.filter(last).select(good.columns)]).sort(KEY),
        history=versions.filter(~last).select(no_history.columns),
        refused=pl.concat([superseded.select(no_refused.columns), duplicates.select(no_refused.columns)]),
        confirmed=again.filter(~pl.col("same_delivery")).select(good.columns),
    )


def _once_each(good: pl.DataFrame) -> bool:
    """True if symbol and open time strictly increase: the usual case, seen without hashing or sorting."""
    symbol, time = pl.col("symbol"), pl.col("open_time")
    later = (symbol > symbol.shift(1)) | ((symbol == symbol.shift(1)) & (time > time.shift(1)))
    return bool(good.select(later.fill_null(value=True).all()).item())


def _same_bar(shift: int) -> pl.Expr:
    """True where the row `shift` rows before is there and of the same bar."""
    same = [pl.col(name) == pl.col(name).shift(shift) for name in KEY]
    return pl.all_horizontal(same).fill_null(value=False)


def _spoken(several: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows, in order, that say what was true at their `known_at`; and those that do not, with the reason."""
    arrived = ["arrived_at"] if "arrived_at" in several.columns else []
    ordered = several.sort(*KEY, "known_at", "delivered_at", *arrived, "file", "line", nulls_last=False)
    speaks = ~(_same_bar(-1) & (pl.col("known_at") == pl.col("known_at").shift(-1))).fill_null(value=False)
    ordered = ordered.with_columns(speaks.alias("speaks"))

    def said(value: pl.Expr) -> pl.Expr:
        """Of the row that speaks at this moment; the rows before it take its value."""
        return pl.when("speaks").then(value).backward_fill()

    judged = ordered.with_columns(
        agrees=pl.all_horizontal([pl.col(name) == said(pl.col(name)) for name in CONTENT]),
        by=said(_place()),
    )
    superseded = judged.filter(~pl.col("agrees")).with_columns(
        reason=pl.lit(SUPERSEDED), detail=pl.format("restated by {}", "by")
    )
    return judged.filter("agrees"), superseded


def _runs(words: pl.DataFrame) -> pl.DataFrame:
    """`words` with starts (first of a version), same_delivery (as the row before), kept_at (the version's first)."""
    repeats = pl.all_horizontal([_same_bar(1), *[pl.col(name) == pl.col(name).shift(1) for name in CONTENT]])
    one = [pl.col(name).eq_missing(pl.col(name).shift(1)) for name in ("file", "delivered_at", "known_at")]
    return words.with_columns(
        starts=~repeats.fill_null(value=False), same_delivery=pl.all_horizontal(one)
    ).with_columns(kept_at=pl.when("starts").then(_place()).forward_fill())


def _place() -> pl.Expr:
    return pl.format("line {} of {}", "line", "file")

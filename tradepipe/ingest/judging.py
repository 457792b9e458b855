"""Rows as files gave them, judged: a raw bar, or refused with the first reason that applies.

Reason codes of rows: `ragged_row` (too few or too many fields), `header_repeated`, `symbol_missing`,
`unknown_symbol` (not in the universe), `value_missing` (time, price or volume is empty, null or NaN),
`time_unreadable`, `outside_market_dates`, `not_a_session` (daily), `not_on_grid` (intraday: no bar
opens then), `number_unreadable` (also infinite), `delivery_unreadable`; and, looked at last,
`bar_not_closed` (the file arrived before the bar closed: see `tradepipe.ingest.premature`).
"""

from dataclasses import dataclass

import polars as pl

from tradepipe.contracts import QUARANTINE, RAW_BARS, UNREAD_BARS, UTC
from tradepipe.ingest.columns import ADJUSTED, NUMBERS
from tradepipe.ingest.times import bar_time, delivery_column
from tradepipe.markets import Market
from tradepipe.settings.sources import FileSource

PARTITION = "partition"
LAYER = "raw_bars"
GIVEN = ("file", "file_sha256", "line", "symbol", "time", *NUMBERS)

REFUSED = (*QUARANTINE.column_names, "session", "open_time")
"""What is told of a refused row: that of QUARANTINE, and the bar that it was to be, where that could be read."""

_MISSING = ("", "null", "nan", "none", "n/a", "na", "-")


@dataclass(frozen=True)
class Judged:
    """Frames of raw bars with `partition`, and frames of REFUSED columns."""

    bars: list[pl.DataFrame]
    refused: list[pl.DataFrame]


def typed(given: pl.DataFrame, source: FileSource, market: Market) -> pl.DataFrame:
    """What rows mean: the RAW_BARS columns, `partition`, `day`, and `good`: whether it is a raw bar.

    Args:
        given: file, file_sha256, line, symbol (ours); time and the prices and volume of any type;
            adjusted_close where the source has it; `delivered` (to be read) or `delivered_at` (UTC).
        source: how to read them.
        market: its dates, calendar and publication delay.

    Returns:
        One row a row of `given`, in its order; null where something cannot be read.
    """
    schema = given.schema
    values = {name: _number(name, schema[name]) for name in NUMBERS}
    adjusted = _number(ADJUSTED, schema[ADJUSTED]) if ADJUSTED in schema else pl.lit(None, pl.Float64)
    frame = given.select(
        "file", "file_sha256", "line", "symbol",
        bar_time(schema["time"], source, market).alias("time"),
        _delivered(schema, source, market).alias("delivered_at"),
        pl.when(adjusted.is_finite()).then(adjusted).alias(ADJUSTED),
        interval=pl.lit(market.settings.interval),
        **values,
    )  # fmt: skip
    frame = _scaled(frame, source.price_scale)
    frame = frame.hstack(_places(frame.get_column("time"), market))
    known = pl.col("close_time") + market.settings.publication_delay
    listed = pl.col("symbol").is_in(market.universe.symbols)
    sound = [pl.col(name).is_finite() for name in NUMBERS]
    fine = [*sound, listed, pl.col("session").is_not_null(), pl.col(PARTITION).is_not_null()]
    if ADJUSTED in schema:
        fine.append(pl.lit(_reads(given.get_column(ADJUSTED), frame.get_column(ADJUSTED))))
    if "delivered" in schema:
        fine.append(pl.col("delivered_at").is_not_null())
    # Known once its bar closed and the source could have said so, or later, if it was delivered later.
    known_at = pl.max_horizontal(known, "delivered_at") if _has_delivery(schema) else known
    return frame.with_columns(known_at.cast(UTC).alias("known_at"), good=pl.all_horizontal(fine).fill_null(value=False))


def bars_of(rows: pl.DataFrame) -> pl.DataFrame:
    """The good ones of `typed` rows: the RAW_BARS columns and `partition`."""
    good = rows.get_column("good")
    kept = rows.select(*RAW_BARS.column_names, PARTITION)
    return kept if good.all() else kept.filter(good)


def refuse(given: pl.DataFrame, rows: pl.DataFrame, source: FileSource, market: Market) -> pl.DataFrame:
    """The REFUSED columns of rows of which none is good.

    Args:
        given: see `typed`; also `row` (JSON), and `ragged` and `repeated` (text: what is wrong, or null).
        rows: `typed` of it.
        source: how they were read.
        market: whose universe, dates and calendar they do not fit.
    """
    if given.is_empty():
        return nothing_refused()
    texts = {
        name: pl.col(f"{name}_text") for name in (*NUMBERS, ADJUSTED, "time", "delivered") if name in given.columns
    }
    asked = given.select(
        "row", "ragged", "repeated", *[pl.col(name).cast(pl.String).alias(f"{name}_text") for name in texts]
    )
    found = pl.coalesce(*_faults(texts, source, market))
    frame = rows.hstack(asked).with_columns(found.alias("found"), layer=pl.lit(LAYER))
    return frame.unnest("found").select(REFUSED)


def nothing_refused() -> pl.DataFrame:
    """The REFUSED columns, no rows."""
    return QUARANTINE.empty().with_columns(session=pl.lit(None, pl.Date), open_time=pl.lit(None, UTC))


def unread_bars(refused: pl.DataFrame, market: Market) -> pl.DataFrame:
    """UNREAD_BARS rows and `partition`: of rows with the REFUSED columns, those that were to be a bar of `market`."""
    listed = pl.col("symbol").is_in(market.universe.symbols)
    return refused.filter(listed, pl.col("open_time").is_not_null()).select(*UNREAD_BARS.column_names, PARTITION)


def _faults(texts: dict[str, pl.Expr], source: FileSource, market: Market) -> list[pl.Expr]:
    start, end = market.dates
    listed = pl.col("symbol").is_in(market.universe.symbols).fill_null(value=False)
    numbers = {name: texts[name] for name in NUMBERS}
    missing = {name: is_missing(text) for name, text in numbers.items()}
    unread = {name: ~pl.col(name).is_finite().fill_null(value=False) for name in NUMBERS}
    if ADJUSTED in texts:
        numbers[ADJUSTED] = texts[ADJUSTED]
        unread[ADJUSTED] = pl.col(ADJUSTED).is_null() & ~is_missing(texts[ADJUSTED])
    off_calendar = "not_a_session" if market.settings.interval == "1d" else "not_on_grid"
    time = pl.format("{}: {}", pl.lit(source.time_column), texts["time"])
    given_up = pl.lit(None, pl.String)
    delivered = texts.get("delivered", given_up)
    unknown = pl.format("{} is not in universe {}", "symbol", pl.lit(market.universe.name))
    faults = [
        (pl.col("ragged").is_not_null(), "ragged_row", pl.col("ragged")),
        (pl.col("repeated").is_not_null(), "header_repeated", pl.col("repeated")),
        # NA and NAN are tickers too: what the universe lists is not missing.
        (~listed & is_missing(pl.col("symbol")), "symbol_missing", pl.lit("no symbol")),
        (~listed, "unknown_symbol", unknown),
        (is_missing(texts["time"]), "value_missing", pl.lit(f"{source.time_column} is empty")),
        (pl.col("day").is_null(), "time_unreadable", time + f", expected {source.time_format}"),
        (~pl.col("day").is_between(start, end), "outside_market_dates", time + f", the market has {start} to {end}"),
        (pl.col("session").is_null(), off_calendar, time + f", calendar {market.settings.calendar}"),
        (pl.any_horizontal(*missing.values()), "value_missing", _listed(numbers, missing)),
        (pl.any_horizontal(*unread.values()), "number_unreadable", _listed(numbers, unread)),
        (
            pl.lit("delivered" in texts) & pl.col("delivered_at").is_null(),
            "delivery_unreadable",
            pl.format("{}: {}, expected {}", pl.lit(source.delivered.column or ""), delivered.fill_null(""),
                      pl.lit(source.delivered.format)),
        ),
    ]  # fmt: skip
    return [pl.when(broken).then(pl.struct(reason=pl.lit(code), detail=detail)) for broken, code, detail in faults]


def is_missing(text: pl.Expr) -> pl.Expr:
    """Whether a field says that there is no value."""
    return text.is_null() | text.str.to_lowercase().is_in(_MISSING)


def _number(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Float64:
        value = pl.col(name)
    elif dtype.is_numeric() or dtype == pl.String:
        value = pl.col(name).cast(pl.Float64, strict=False)
    else:
        value = pl.lit(None, pl.Float64)
    return value


def _scaled(frame: pl.DataFrame, scale: float) -> pl.DataFrame:
    """`frame` with its prices multiplied by `scale`.

    0.0001 is no binary fraction, 10,000 is: dividing gives the number nearest to the true price. By
    NumPy, because polars divides by a single number by multiplying with its inverse.
    """
    if scale == 1:
        return frame
    parts = float(round(1 / scale))
    inverse = parts > 0 and 1 / parts == scale
    prices = {name: frame.get_column(name).to_numpy() for name in (*NUMBERS[:4], ADJUSTED)}
    scaled = {name: price / parts if inverse else price * scale for name, price in prices.items()}
    return frame.with_columns(pl.Series(name, price).fill_nan(None) for name, price in scaled.items())


def _reads(given: pl.Series, value: pl.Series) -> pl.Series:
    """True where an optional number was read, or none was given."""
    told = value.is_not_null()
    if told.all():
        return told
    return told | given.cast(pl.String).to_frame("text").select(is_missing(pl.col("text"))).to_series()


def _delivered(schema: pl.Schema, source: FileSource, market: Market) -> pl.Expr:
    if "delivered" in schema:
        return delivery_column(schema["delivered"], source.delivered, market)
    return pl.col("delivered_at") if "delivered_at" in schema else pl.lit(None, UTC)


def _has_delivery(schema: pl.Schema) -> bool:
    return "delivered" in schema or "delivered_at" in schema


def _places(time: pl.Series, market: Market) -> pl.DataFrame:
    """day, session, open_time, close_time and partition, row by row; null where there is none."""
    days = _days(market)
    start = market.dates[0]
    if market.settings.interval == "1d":
        here = days[_positions(time, start, days.height)]
        return here.select(time.alias("day"), "session", "open_time", "close_time", PARTITION)
    at = market.calendar.bars_at(time, *market.dates, market.settings.interval)
    day = pl.select(pl.coalesce(at.get_column("session"), time.dt.date())).to_series()
    return at.with_columns(
        day.alias("day"),
        time.cast(UTC).alias("open_time"),
        pl.col("close_time").cast(UTC),
        days.get_column(PARTITION)[_positions(day, start, days.height)].alias(PARTITION),
    )


def _days(market: Market) -> pl.DataFrame:
    """One row a date of the market: session, its bounds (null for none), and partition, and one of nulls.

    A row that is no bar still belongs to the partition of its date, where there is such a partition.
    """
    start, end = market.dates
    bounds = market.calendar.bounds(start, end).select("session", "open_time", "close_time")
    keys = bounds.select(market.partitions.key_expr()).to_series().unique().implode()
    dates = pl.select(place=pl.date_range(start, end, "1d"))
    placed = dates.join(bounds.with_columns(place=pl.col("session")), on="place", how="left", maintain_order="left")
    key = market.partitions.key_expr("place").alias(PARTITION)
    days = placed.select("place", "session", pl.col("open_time", "close_time").cast(UTC), key)
    keyed = days.with_columns(pl.when(pl.col(PARTITION).is_in(keys)).then(PARTITION)).drop("place")
    return pl.concat([keyed, keyed.clear(1)])


def _positions(day: pl.Series, start: object, height: int) -> pl.Series:
    """The row of each date in `_days`; the last one, of nulls, for dates outside."""
    offset = (day - pl.Series([start], dtype=pl.Date)).dt.total_days()
    inside = pl.when((offset >= 0) & (offset < height - 1)).then(offset)
    return pl.select(inside.fill_null(height - 1).cast(pl.UInt32)).to_series()


def _listed(texts: dict[str, pl.Expr], chosen: dict[str, pl.Expr]) -> pl.Expr:
    """The chosen ones as `open: '', close: 'x'`."""
    parts = [
        pl.when(chosen[name]).then(pl.format("{}: '{}'", pl.lit(name), texts[name].fill_null(""))) for name in chosen
    ]
    return pl.concat_str(parts, separator=", ", ignore_nulls=True)

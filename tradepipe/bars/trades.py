"""Bars from trades."""

import datetime as dt
from dataclasses import dataclass

import polars as pl

from tradepipe.contracts import BARS, UTC
from tradepipe.markets import SessionCalendar

TRADE_COLUMNS = {"symbol": pl.String, "ts": UTC, "sequence": pl.Int64, "price": pl.Float64, "quantity": pl.Float64}


@dataclass(frozen=True)
class TradeBars:
    """What trades gave: every trade is in exactly one bar, or in `outside`.

    `bars`: the BARS columns and `trades`, how many made the bar. `outside`: the trades as they came
    that lie in no session of the calendar.
    """

    bars: pl.DataFrame
    outside: pl.DataFrame


def ordered_trades(trades: pl.DataFrame) -> pl.DataFrame:
    """`trades` by symbol, time and sequence; those with the same of all three stay in the order they came.

    A missing `sequence` (null) says nothing of the order: such trades come first of their time.
    """
    return trades.sort("symbol", "ts", "sequence", nulls_last=False, maintain_order=True)


def bars_from_trades(
    trades: pl.DataFrame, interval: str, calendar: SessionCalendar, publication_delay: dt.timedelta = dt.timedelta(0)
) -> TradeBars:
    """One bar for each interval of the calendar's grid in which a symbol traded.

    open and close are the first and last price by (ts, sequence), high and low the extremes, volume
    the sum of quantities. An interval without a trade gives no bar: nothing is known to have happened.

    Args:
        trades: symbol, ts (UTC), sequence (the venue's number or the order of arrival; may be null),
            price and quantity (both above zero), in any order; further columns are ignored.
        interval: `1m` to `1d`.
        calendar: on whose grid the bars lie. A trade at a bar's close belongs to the next bar.
        publication_delay: from a bar's close until it counts as known.

    Raises:
        ValueError: a column is missing or of another type, or a price or quantity is null, not
            finite or not above zero; the message names the first such row.
        CalendarError: the interval is unknown.
    """
    _refuse_broken(trades)
    ordered = ordered_trades(trades)
    placed = _placed(ordered.select(*TRADE_COLUMNS), interval, calendar)
    bars = (
        placed.filter(pl.col("session").is_not_null())
        .group_by("symbol", "session", "open_time", "close_time", maintain_order=True)
        .agg(
            pl.first("price").alias("open"),
            pl.max("price").alias("high"),
            pl.min("price").alias("low"),
            pl.last("price").alias("close"),
            pl.sum("quantity").alias("volume"),
            pl.len().cast(pl.Int64).alias("trades"),
        )
        .with_columns(
            interval=pl.lit(interval), quality=pl.lit("ok"), known_at=pl.col("close_time") + publication_delay
        )
    )
    outside = ordered.filter(placed.get_column("session").is_null())
    return TradeBars(bars.select(*BARS.column_names, "trades").sort(BARS.key), outside)


def _refuse_broken(trades: pl.DataFrame) -> None:
    for name, dtype in TRADE_COLUMNS.items():
        if name not in trades.columns:
            raise ValueError(f"trades lack column {name}; they have {', '.join(trades.columns)}")
        if trades.schema[name] != dtype:
            raise ValueError(f"trades: column {name} is {trades.schema[name]}, expected {dtype}")
    number = pl.all_horizontal((pl.col(name).is_finite() & (pl.col(name) > 0)) for name in ("price", "quantity"))
    whole = number & pl.col("ts").is_not_null() & pl.col("symbol").is_not_null()
    broken = trades.select(*TRADE_COLUMNS).with_row_index("row").filter(~whole.fill_null(value=False))
    if not broken.is_empty():
        raise ValueError(
            f"{broken.height} trades without a symbol, a time, or a price and quantity above zero; the first is row "
            f"{broken['row'][0]}: {broken.drop('row').row(0, named=True)}. Remedy: leave them out, or correct them."
        )


def _placed(trades: pl.DataFrame, interval: str, calendar: SessionCalendar) -> pl.DataFrame:
    """`trades` with session, open_time and close_time of their bar; null outside every session."""
    if trades.is_empty():
        return trades.with_columns(
            session=pl.lit(None, pl.Date), open_time=pl.lit(None, UTC), close_time=pl.lit(None, UTC)
        )
    # A session may carry the date of the next or the previous UTC day.
    first, last = trades.get_column("ts").min(), trades.get_column("ts").max()
    known = calendar.known
    start = max(known[0], first.date() - dt.timedelta(days=2))  # type: ignore[union-attr]
    end = min(known[1], last.date() + dt.timedelta(days=2))  # type: ignore[union-attr]
    grid = calendar.grid(start, end, interval)
    found = (
        trades.with_row_index("row")
        .sort("ts", maintain_order=True)
        .join_asof(grid, left_on="ts", right_on="open_time", strategy="backward")
    )
    inside = pl.col("ts") < pl.col("close_time")
    return found.sort("row").with_columns(
        pl.when(inside).then(name).alias(name) for name in ("session", "open_time", "close_time")
    )

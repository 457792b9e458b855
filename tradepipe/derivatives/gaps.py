"""What is missing of a metric that comes at fixed intervals."""

import datetime as dt

import polars as pl

_COLUMNS = ("symbol", "first", "last", "missing")


def gaps(frame: pl.DataFrame, time: str, every: dt.timedelta, first: dt.datetime, last: dt.datetime) -> pl.DataFrame:
    """Runs of missing intervals of each symbol.

    Args:
        frame: columns `symbol` and `time` (UTC, on the grid: for funding `scheduled_at`); any order.
        time: name of the column with the interval's start.
        every: length of an interval.
        first: start of the first interval that is expected of every symbol (aware).
        last: start of the last one, inclusive (aware).

    Returns:
        A row a run: `symbol`, `first` and `last` (starts of the first and last missing interval, UTC)
        and `missing`, how many they are. Sorted by symbol and time; a symbol without any row in
        `frame` is not known here and not reported.

    Raises:
        ValueError: a time of `frame` lies off the grid, so that nothing could be said of it.
    """
    grid = pl.datetime_range(first, last, every, time_unit="us", time_zone="UTC", eager=True).alias(time)
    inside = frame.select("symbol", time).filter(pl.col(time).is_between(first, last))
    off = inside.join(grid.to_frame(), on=time, how="anti")
    if not off.is_empty():
        symbol, at = off.row(0)
        raise ValueError(
            f"{symbol} at {at}: not on the grid of every {every} from {first}; {off.height} rows like it. "
            "Remedy: for funding give scheduled_at, not paid_at."
        )
    places = grid.to_frame().with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    expected = frame.select(pl.col("symbol").unique()).join(places, how="cross")
    missing = expected.join(inside, on=["symbol", time], how="anti").sort("symbol", "place")
    # Within a run place and rank grow together.
    run = pl.col("place") - pl.int_range(pl.len()).over("symbol")
    runs = missing.group_by("symbol", run.alias("run"), maintain_order=True).agg(
        first=pl.col(time).min(), last=pl.col(time).max(), missing=pl.len().cast(pl.Int64)
    )
    return runs.select(*_COLUMNS).sort("symbol", "first")

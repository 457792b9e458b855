"""What perpetual futures have beside bars, put beside the bars."""

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

LIMITS: Mapping[str, dt.timedelta] = MappingProxyType(
    {
        "funding_rate": dt.timedelta(hours=24),
        "mark_price": dt.timedelta(minutes=5),
        "open_interest": dt.timedelta(hours=1),
    }
)
"""How long a value holds after its own time: for so long, or for one bar where bars are longer.

A day of payments may fail; a mark price is compared with the close, so it must be of its time.
"""

_AT = "_at"


def with_funding(bars: pl.DataFrame, funding: pl.DataFrame) -> pl.DataFrame:
    """`bars` with `funding_rate`: what was paid at the bar's open time by the schedule, null where nothing was due.

    Args:
        bars: `symbol` and `open_time` (UTC), intervals of eight hours or parts of that.
        funding: rows of the FUNDING contract.

    Returns:
        The rows of `bars` in their order, one column more. No payment that has a bar is lost: the
        venues' milliseconds of delay are not in `scheduled_at`.
    """
    paid = funding.select("symbol", pl.col("scheduled_at").alias("open_time"), pl.col("rate").alias("funding_rate"))
    return bars.join(paid, on=["symbol", "open_time"], how="left", maintain_order="left")


def with_outside(
    bars: pl.DataFrame,
    *,
    funding: pl.DataFrame | None = None,
    mark_prices: pl.DataFrame | None = None,
    open_interest: pl.DataFrame | None = None,
    limits: Mapping[str, dt.timedelta] = LIMITS,
) -> pl.DataFrame:
    """`bars` with the last `funding_rate`, `mark_price` and `open_interest` that was known when the bar was.

    A value beside a bar is of a time up to the bar's close, and its own `known_at` is not after the
    bar's: so neither a row that comes late nor a bar that does brings something from its future. Where
    an older row became known only after a younger one, it is left out. A payment that the venue
    stamps milliseconds after the hour stands beside the next bar, not beside the one that ends on the hour.

    Args:
        bars: `symbol`, `open_time`, `close_time`, `known_at` (UTC), in any order.
        funding: rows of the FUNDING contract; the time of a value is `scheduled_at`. None: there is no such layer.
        mark_prices: rows of the MARK_PRICES contract; a value is the close, its time `close_time`.
        open_interest: rows of the OPEN_INTEREST contract; a value is in base units, its time `taken_at`.
        limits: how long a value of each column holds, see LIMITS.

    Returns:
        The rows of `bars` in their order with the three columns more (Float64): null where nothing was known
        yet, or the last that was is as old as the limit.
    """
    told = (
        ("funding_rate", funding, "scheduled_at", "rate"),
        ("mark_price", mark_prices, "close_time", "close"),
        ("open_interest", open_interest, "taken_at", "open_interest"),
    )
    for name, frame, time, value in told:
        if frame is None:
            bars = bars.with_columns(pl.lit(None, pl.Float64).alias(name))
        else:
            rows = frame.select(
                "symbol", "known_at", pl.col(time).alias(_AT), pl.col(value).cast(pl.Float64).alias(name)
            )
            bars = bars.with_columns(_last_known(bars, rows, name, limits[name]))
    return bars


def _last_known(bars: pl.DataFrame, rows: pl.DataFrame, name: str, limit: dt.timedelta) -> pl.Series:
    """Column `name` of `rows` (symbol, known_at, _AT) for each of `bars`, in their order."""
    rows = rows.sort("symbol", _AT, "known_at")
    # From here on what became known later also is of a later time, so that of the last row known at a
    # time and the last row of a time the earlier one is both.
    rows = rows.filter(pl.col("known_at") <= pl.col("known_at").cum_min(reverse=True).over("symbol"))
    asked = bars.select("symbol", "open_time", "close_time", "known_at").with_row_index("row")
    known = asked.sort("known_at").join_asof(
        rows.sort("known_at", _AT), on="known_at", by="symbol", check_sortedness=False
    )
    timed = (
        asked.select("row", "symbol", "close_time")
        .sort("close_time")
        .join_asof(
            rows.select("symbol", _AT, name).sort(_AT),
            left_on="close_time",
            right_on=_AT,
            by="symbol",
            coalesce=False,
            check_sortedness=False,
        )
        .select("row", pl.col(_AT).alias(f"{_AT}_timed"), pl.col(name).alias(f"{name}_timed"))
    )
    both = known.join(timed, on="row", how="left", maintain_order="left").sort("row")
    earlier = pl.col(f"{_AT}_timed") <= pl.col(_AT)  # null, and so nothing, where either has none
    found = pl.when(earlier).then(pl.col(f"{name}_timed")).when(~earlier).then(pl.col(name))
    at = pl.min_horizontal(_AT, f"{_AT}_timed")
    length = pl.col("close_time") - pl.col("open_time")
    fresh = pl.col("close_time") - at < pl.max_horizontal(pl.lit(limit), length)
    return both.select(pl.when(fresh).then(found).alias(name)).to_series()

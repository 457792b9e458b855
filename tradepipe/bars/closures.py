"""What the calendar itself takes from the bars: holidays and half days."""

import datetime as dt

import polars as pl

from tradepipe.bars.windows import PARTITION
from tradepipe.contracts import EVERY_SYMBOL, GAPS, REASON
from tradepipe.markets import Market

FRIDAY = 5


def closures(keys: pl.Series, market: Market) -> pl.DataFrame:
    """Weekdays without a session and sessions that close early, of the partitions `keys`.

    A holiday is in the partition of its month; where partitions are sessions, in that of the next
    session. It lasts from the date's UTC midnight to the next.

    Returns:
        The GAPS columns and `partition`: symbol `*`, reason `holiday` or `half_day`, no bars.
    """
    windows = market.partitions.windows(keys.to_list(), 1)
    first: dt.date = windows.get_column("anchor_session").min()  # type: ignore[assignment]  # the keys are not none
    last: dt.date = windows.get_column("last_session").max()  # type: ignore[assignment]
    sessions = market.calendar.bounds(first, last)
    half_days = sessions.filter("is_half_day").select(
        "session",
        pl.col("open_time").alias("first_open_time"),
        pl.col("close_time").alias("last_close_time"),
        pl.lit("half_day").alias(REASON),
        market.partitions.key_expr().alias(PARTITION),
    )
    told = pl.concat([half_days, _holidays(market, first, last)]).filter(pl.col(PARTITION).is_in(keys.implode()))
    return told.with_columns(
        symbol=pl.lit(EVERY_SYMBOL), bars=pl.lit(0, pl.Int64), detail=pl.lit(None, pl.String)
    ).select(*GAPS.column_names, PARTITION)


def _holidays(market: Market, first: dt.date, last: dt.date) -> pl.DataFrame:
    if market.settings.partition == "month":  # the months' own days, also those beyond the last session
        first, last = (
            first.replace(day=1),
            (last.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(1),
        )
    start, end = market.dates
    first, last = max(first, start), min(last, end)
    sessions = pl.Series("next", market.calendar.sessions(first, last), dtype=pl.Date)
    days = pl.select(session=pl.date_range(first, last, "1d")).filter(
        (pl.col("session").dt.weekday() <= FRIDAY) & ~pl.col("session").is_in(sessions.implode())
    )
    if market.settings.partition == "session":
        days = days.join_asof(sessions.to_frame(), left_on="session", right_on="next", strategy="forward")
        days = days.filter(pl.col("next").is_not_null())
    else:
        days = days.with_columns(pl.col("session").alias("next"))
    midnight = pl.col("session").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return days.select(
        "session",
        midnight.alias("first_open_time"),
        (midnight + dt.timedelta(days=1)).alias("last_close_time"),
        pl.lit("holiday").alias(REASON),
        market.partitions.key_expr("next").alias(PARTITION),
    )

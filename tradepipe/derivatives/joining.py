"""Funding beside bars."""

import polars as pl


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

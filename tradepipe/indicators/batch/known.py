"""The last row that was known: how values of another time, or another symbol, come to stand beside a bar."""

from collections.abc import Sequence

import polars as pl


def last_known(asked: pl.DataFrame, told: pl.DataFrame, by: Sequence[str]) -> pl.Series:
    """For each bar of `asked` the last row of `told` that had closed, and was known, when the bar had and was.

    So neither a row that comes late nor a bar that does brings something from its future. Of rows of which an older
    one became known only after a younger one, the older is left out.

    Args:
        asked: `by`, close_time and known_at (UTC), in any order.
        told: the same columns, in any order.
        by: columns that must be equal, without nulls.

    Returns:
        Row numbers in `told` (UInt32), null where nothing was known; one for each of `asked`, in their order.
    """
    rows = told.select(*by, "close_time", "known_at").with_row_index("found").sort("close_time", "known_at")
    rows = rows.filter(pl.col("known_at") <= pl.col("known_at").cum_min(reverse=True).over(by))
    bars = asked.select(*by, "close_time", "known_at").with_row_index("row")

    timed = bars.sort("close_time").join_asof(
        rows.select(*by, "close_time", "found").with_columns(at=pl.col("close_time")),
        on="close_time",
        by=by,
        check_sortedness=False,
    )
    known = bars.sort("known_at").join_asof(
        rows.sort("known_at", maintain_order=True).select(*by, "known_at", "found", at="close_time"),
        on="known_at",
        by=by,
        check_sortedness=False,
    )
    both = timed.select("row", "found", "at").join(
        known.select("row", found_known="found", at_known="at"), on="row", how="left"
    )
    earlier = pl.col("at") <= pl.col("at_known")  # null, and so nothing, where either has none
    found = pl.when(earlier).then("found").when(~earlier).then("found_known")
    return both.sort("row").select(found.alias("found")).to_series()

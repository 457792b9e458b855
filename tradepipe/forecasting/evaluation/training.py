"""What a forecast was trained on: where its window began, and how far one bar moved the price in it."""

import polars as pl

_UNIT = 2.0**40
"""Fixed-point units in a log return of 1. Sums of integers are the same wherever the series starts."""


def training_windows(bars: pl.DataFrame, windows: pl.DataFrame, asked: pl.DataFrame, train_bars: int) -> pl.DataFrame:
    """Begin and scale of training windows.

    The window of a fit ends with the last bar of `fitted_through` and holds the newest `train_bars`
    returns up to there, as far as the partition's anchored window and the symbol's bars reach. The
    scale is the mean absolute one-bar log return in it, the in-sample error of the random walk on log
    prices, by which Hyndman & Koehler (2006), "Another look at measures of forecast accuracy",
    Int. J. Forecasting 22, scale errors (MASE). It is measured to 1e-12.

    Args:
        bars: symbol, session, open_time, close; each bar once.
        windows: partition, anchor_session.
        asked: partition, symbol, fitted_through; each once.
        train_bars: returns in a window.

    Returns:
        `asked` with fitted_from (Date, session of the oldest price in the window; null without bars)
        and scale (Float64; null where no price moved, or there are no two).
    """
    price = pl.when(pl.col("close") > 0).then(pl.col("close").log())
    change = (price.diff().abs() * _UNIT).round().cast(pl.Int64)
    rows = (
        bars.select("symbol", "session", "open_time", "close")
        .sort("symbol", "open_time")
        .with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64).over("symbol"), change=change.over("symbol"))
        .select(
            "symbol",
            "session",
            "place",
            total=pl.col("change").fill_null(0).cum_sum().over("symbol"),
            known=pl.col("change").is_not_null().cast(pl.Int64).cum_sum().over("symbol"),
        )
    )
    sessions = rows.sort("session", "place")
    firsts = sessions.unique(["symbol", "session"], keep="first", maintain_order=True)
    lasts = sessions.unique(["symbol", "session"], keep="last", maintain_order=True)
    anchored = asked.join(windows.select("partition", "anchor_session"), on="partition").sort("anchor_session")
    begun = anchored.join_asof(
        firsts.select("symbol", "session", first="place"),
        left_on="anchor_session",
        right_on="session",
        by="symbol",
        strategy="forward",
        check_sortedness=False,
    ).drop("session", strict=False)
    ended = begun.sort("fitted_through").join_asof(
        lasts.select("symbol", "session", last="place", last_total="total", last_known="known"),
        left_on="fitted_through",
        right_on="session",
        by="symbol",
        check_sortedness=False,
    )
    begin = pl.max_horizontal("first", pl.col("last") - train_bars)
    moved, count = pl.col("last_total") - pl.col("total"), pl.col("last_known") - pl.col("known")
    return (
        ended.drop("session", strict=False)
        .with_columns(place=pl.when(pl.col("first") <= pl.col("last")).then(begin))
        .join(rows.rename({"session": "fitted_from"}), on=["symbol", "place"], how="left")
        .with_columns(scale=pl.when(moved > 0).then(moved / count / _UNIT))
        .select(*asked.columns, "fitted_from", "scale")
    )

"""Unread bars: rows that could not be read as a bar, and the bars that they were to be."""

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract

UNREAD_BARS = Contract(
    name="unread_bars",
    version="1",
    description="Which bars the rows were to be that reading refused; the rows themselves are in quarantine.",
    key=("symbol", "open_time", "file", "line"),
    columns=(
        Column("symbol", pl.String, "symbol within the market's universe"),
        Column("session", pl.Date, "trading session, the market's local date (UTC date for 24/7 markets)"),
        Column("open_time", UTC, "start of the bar that the row was to be", unit="UTC"),
        Column("file", pl.String, "landing file, relative to the landing folder"),
        Column("line", pl.Int64, "line in the file, the header being line 1", minimum=1),
        Column("reason", pl.String, "reason code: why it could not be read"),
    ),
)

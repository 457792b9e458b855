"""The gap ledger: which bars a partition lacks, and why."""

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract, Rule

EVERY_SYMBOL = "*"

GAP_REASONS = ("holiday", "half_day", "halt", "venue_outage", "late", "refused", "unknown")
"""What can be the reason of a gap; `tradepipe.bars.gaps` says how each is told."""

GAPS = Contract(
    name="gaps",
    version="1",
    description="Runs of bars that the calendar expects and that are not there, and days it does not expect in full.",
    key=("symbol", "first_open_time"),
    columns=(
        Column("symbol", pl.String, "symbol that lacks the bars; * for all of the market"),
        Column("session", pl.Date, "session of the first missing bar; for a holiday, the day itself"),
        Column("first_open_time", UTC, "open of the first missing bar; for a holiday, the day's start", unit="UTC"),
        Column("last_close_time", UTC, "close of the last missing bar; for a holiday, the day's end", unit="UTC"),
        Column("bars", pl.Int64, "missing bars; 0 for a holiday and a half day, which lack nothing", minimum=0),
        Column("reason", pl.String, "why they are missing, as far as the data tells", allowed=GAP_REASONS),
        Column("detail", pl.String, "what was found, for a person to read", nullable=True),
    ),
    rules=(
        Rule("gap_not_in_time", pl.col("last_close_time") > pl.col("first_open_time"), "the gap ends after it starts"),
        Rule(
            "bars_of_the_calendar",
            (pl.col("symbol") == EVERY_SYMBOL) == pl.col("reason").is_in(["holiday", "half_day"]),
            "holidays and half days are of the market, all other gaps of one symbol",
        ),
    ),
)

"""Contract of bars of longer intervals, made from the market's base bars."""

import polars as pl

from tradepipe.contracts.bars import BARS
from tradepipe.contracts.model import Column, Contract, Rule

_TIMED = ("bar_not_in_time", "known_before_close")

RESAMPLED_BARS = Contract(
    name="resampled_bars",
    version="1",
    description="Bars of each configured longer interval, on the session's own grid. Made from the base bars alone.",
    key=("interval", "symbol", "open_time"),
    columns=(
        *BARS.columns,
        Column("bars", pl.Int32, "base bars that it was made from", minimum=1),
        Column("expected_bars", pl.Int32, "base bars that the calendar expects in it", minimum=1),
        Column("is_partial", pl.Boolean, "no base bar reaches its end: it is still forming, or its end is missing"),
    ),
    rules=(
        *(rule for rule in BARS.rules if rule.code not in _TIMED),
        Rule("bar_not_in_time", pl.col("close_time") > pl.col("open_time"), "the bar ends after it starts"),
        Rule("more_bars_than_expected", pl.col("bars") <= pl.col("expected_bars"), "no more parts than expected"),
        Rule(
            "known_before_close",
            pl.col("is_partial") | (pl.col("known_at") >= pl.col("close_time")),
            "no whole bar is known before it closed",
        ),
    ),
)

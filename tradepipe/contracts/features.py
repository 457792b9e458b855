"""Contract of the indicators layer: the bar's key, then one column an indicator output."""

from collections.abc import Sequence

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract, Rule

INDICATOR_KEY_COLUMNS = (
    Column("symbol", pl.String, "symbol within the market's universe"),
    Column("session", pl.Date, "trading session of the bar"),
    Column("open_time", UTC, "start of the bar, inclusive", unit="UTC"),
    Column("close_time", UTC, "end of the bar; the values are usable only after it", unit="UTC"),
    Column("known_at", UTC, "when the system could first have known the bar", unit="UTC"),
)


def indicators_contract(outputs: Sequence[Column]) -> Contract:
    """The contract of a market's indicators layer, given the columns its configured indicators write."""
    return Contract(
        name="indicators",
        version="2",
        description="Pure functions of bars. Null during an indicator's warm-up, never NaN.",
        key=("symbol", "open_time"),
        columns=(*INDICATOR_KEY_COLUMNS, *outputs),
        rules=(Rule("known_before_close", pl.col("known_at") >= pl.col("close_time"), "not known before the close"),),
    )

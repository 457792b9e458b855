"""Contract of corporate actions: dated facts, each with the time from which it was known."""

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract, Rule

ACTION_KINDS = ("split", "dividend", "symbol_change", "listing")

_KIND = pl.col("kind")

CORPORATE_ACTIONS = Contract(
    name="corporate_actions",
    version="1",
    description=(
        "What companies did to their shares. One fact a symbol, ex-date and kind; of several the one known last is "
        "right, so a correction is a later fact, and a ratio of 1 or an amount of 0 takes one back."
    ),
    key=("symbol", "ex_date", "kind", "known_at"),
    columns=(
        Column("symbol", pl.String, "symbol in use on the ex-date; of a symbol change, the one given up"),
        Column("ex_date", pl.Date, "first date on which the shares trade on the new terms or under the new symbol"),
        Column(
            "kind", pl.String, "what happened; listing: another security begins to use the symbol", allowed=ACTION_KINDS
        ),
        Column("known_at", UTC, "when it could first have been known: its announcement", unit="UTC"),
        Column(
            "ratio", pl.Float64, "split: new shares for an old one, 7 for 7:1", minimum=0, exclusive=True, nullable=True
        ),
        Column(
            "amount",
            pl.Float64,
            "dividend: cash for a share held before the ex-date, all of that date together",
            unit="price currency",
            minimum=0,
            nullable=True,
        ),
        Column(
            "reference_price",
            pl.Float64,
            "dividend: close of the session before the ex-date as the source gives it; where null, the bars' own",
            unit="price currency",
            minimum=0,
            exclusive=True,
            nullable=True,
        ),
        Column("new_symbol", pl.String, "symbol change: the symbol from the ex-date on", nullable=True),
        Column("source", pl.String, "where the fact is from"),
    ),
    rules=(
        Rule("split_without_ratio", (_KIND == "split") == pl.col("ratio").is_not_null(), "a split has a ratio"),
        Rule(
            "dividend_without_amount",
            (_KIND == "dividend") == pl.col("amount").is_not_null(),
            "a dividend has an amount",
        ),
        Rule(
            "change_without_new_symbol",
            (_KIND == "symbol_change") == pl.col("new_symbol").is_not_null(),
            "a symbol change has a new symbol",
        ),
    ),
)

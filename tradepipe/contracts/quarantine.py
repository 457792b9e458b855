"""Quarantine: rows that a contract refused, as they came, with the reason."""

import polars as pl

from tradepipe.contracts.model import Column, Contract

QUARANTINE = Contract(
    name="quarantine",
    version="2",
    description="Rows refused by a contract, kept as they came. Nothing is dropped silently.",
    # A line of bytes that were replaced, and that of the new ones, can both be refused: the rows tell them apart.
    key=("file", "line", "reason", "row"),
    columns=(
        Column("layer", pl.String, "layer whose contract refused the row"),
        Column("partition", pl.String, "partition the row belongs to; null when its time is unreadable", nullable=True),
        Column("file", pl.String, "landing file, relative to the landing folder"),
        Column("line", pl.Int64, "line in the file, the header being line 1; 0 for the file as a whole", minimum=0),
        Column("symbol", pl.String, "symbol as far as it could be read", nullable=True),
        Column("reason", pl.String, "reason code: the rule that was broken"),
        Column("detail", pl.String, "what was found, for a person to read", nullable=True),
        Column("row", pl.String, "the row as it came, as JSON"),
    ),
)

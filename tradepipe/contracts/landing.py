"""The landing index: which file arrived with which bytes, and which partitions its rows belong to."""

import polars as pl

from tradepipe.contracts.model import Column, Contract

UNPLACED = "unplaced"

LANDING = Contract(
    name="landing",
    version="1",
    description="Landing files as they were read: sha256, and how many rows each gave to each partition.",
    key=("file", "partition"),
    columns=(
        Column("file", pl.String, "landing file, relative to the landing folder"),
        Column("sha256", pl.String, "sha256 of the file's bytes, hexadecimal"),
        Column("read_as", pl.String, "digest of the settings that the file was read with"),
        Column("partition", pl.String, f"partition that rows of the file belong to; {UNPLACED!r} where unreadable"),
        Column("rows", pl.Int64, "rows read", minimum=0),
        Column("refused", pl.Int64, "rows refused", minimum=0),
    ),
)

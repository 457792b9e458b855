"""Releases: rows that a person took out of quarantine, each with its reason and who answers for it."""

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract

RELEASES = Contract(
    name="releases",
    version="1",
    description="Quarantined rows that an operator let through. A release lifts one finding, never a contract's rule.",
    key=("file", "sha256", "line", "reason"),
    columns=(
        Column("file", pl.String, "landing file, relative to the landing folder"),
        Column("sha256", pl.String, "sha256 of the file's bytes: other bytes need a release of their own"),
        Column("line", pl.Int64, "line in the file, the header being line 1", minimum=1),
        Column("reason", pl.String, "reason code that the row was refused for, and is not any more"),
        Column("note", pl.String, "why, in the operator's words"),
        Column("released_at", UTC, "when it was released", unit="UTC"),
        Column("released_by", pl.String, "who released it"),
    ),
)

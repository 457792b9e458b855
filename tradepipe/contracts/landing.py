"""The landing index: which file arrived when with which bytes, and which partitions its rows belong to."""

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract

UNPLACED = "unplaced"

_FILE = Column("file", pl.String, "landing file, relative to the landing folder")
_SHA256 = Column("sha256", pl.String, "sha256 of the file's bytes, hexadecimal")

LANDING = Contract(
    name="landing",
    version="2",
    description="Landing files as they were read: sha256, arrival, and how many rows each gave to each partition.",
    key=("file", "arrived_at", "partition"),
    columns=(
        _FILE,
        _SHA256,
        Column("read_as", pl.String, "digest of the settings that the file was read with"),
        Column("arrived_at", UTC, "when tradepipe first saw these bytes under this name", unit="UTC"),
        Column(
            "replaced_at",
            UTC,
            "when these bytes were seen to be gone from the folder; null while they are there",
            unit="UTC",
            nullable=True,
        ),
        Column("partition", pl.String, f"partition that rows of the file belong to; {UNPLACED!r} where unreadable"),
        Column("rows", pl.Int64, "rows read", minimum=0),
        Column("refused", pl.Int64, "rows refused", minimum=0),
    ),
)

LANDING_SEEN = Contract(
    name="landing_seen",
    version="1",
    description="What the file system said of each landing file when it was hashed: saves hashing it again.",
    key=("file",),
    columns=(
        _FILE,
        _SHA256,
        Column("size", pl.Int64, "size", unit="bytes", minimum=0),
        Column("mtime_ns", pl.Int64, "last change of the bytes", unit="nanoseconds since 1970"),
        Column("ctime_ns", pl.Int64, "last change of bytes, times, owner or mode", unit="nanoseconds since 1970"),
        Column("inode", pl.Int64, "the file's number in its file system"),
    ),
)

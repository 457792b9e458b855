"""A small contract with every kind of column, and frames that keep it."""

import datetime as dt
import os
import time
from decimal import Decimal

import numpy as np
import polars as pl

from tradepipe.contracts import MONEY, UTC, Column, Contract, Rule
from tradepipe.store import PartitionStore
from tradepipe.store.belonging import MARKER

SMALL = Contract(
    name="small",
    version="1",
    description="Every data type that a contract of ours uses.",
    key=("symbol", "at"),
    columns=(
        Column("symbol", pl.String, "symbol"),
        Column("at", UTC, "time", unit="UTC"),
        Column("session", pl.Date, "session"),
        Column("value", pl.Float64, "a number", nullable=True),
        Column("count", pl.Int32, "a count", minimum=0),
        Column("amount", MONEY, "money", nullable=True),
        Column("flag", pl.Boolean, "yes or no", nullable=True),
        Column("note", pl.String, "text", nullable=True),
        Column("known_at", UTC, "when known", unit="UTC"),
    ),
    rules=(Rule("unlucky", pl.col("count") != 13, "the count is not 13"),),
)

DATASET = "lab/small"
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def small(rows: int = 3, *, value: float = 1.0, count: int = 0, symbols: str = "AB", month: int = 1) -> pl.DataFrame:
    """`rows` rows of each symbol, an hour apart from the month's first on."""
    hour = HOUR // dt.timedelta(microseconds=1)
    first = (START.replace(month=month) - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(microseconds=1)
    at = pl.Series(np.tile(first + hour * np.arange(rows), len(symbols)))
    return pl.DataFrame(
        {
            "symbol": np.repeat(np.array(list(symbols), object), rows),
            "at": at.cast(UTC),
            "session": at.cast(UTC).cast(pl.Date),
            "value": value,
            "count": count,
            "amount": Decimal("12.50000001"),
            "flag": None,
            "note": "øre, 株",
            "known_at": (at + hour).cast(UTC),
        },
        schema_overrides=dict(SMALL.polars_schema),
    ).select(SMALL.column_names)


def written_long_ago(store):
    """Make the files of `store` a day old, so that only the catalogue protects them from the sweep."""
    for path in store.root.rglob("*.parquet"):
        os.utime(path, times=(time.time() - 86_400,) * 2)


def files(store: PartitionStore) -> list[str]:
    """Every file of the store's folder, but that which says whose it is."""
    every = (path for path in store.root.rglob("*") if path.is_file() and path.name != MARKER)
    return sorted(path.relative_to(store.root).as_posix() for path in every)

"""ClickHouse tables that hold copies of generations: their columns, codecs, order and time to live."""

import datetime as dt
import hashlib
from collections.abc import Mapping

import polars as pl

from tradepipe.contracts import UTC, Column, Contract
from tradepipe.store import Generation
from tradepipe.warehouse.errors import WarehouseError

GENERATION = "generation"
LEDGER = "tradepipe_generations"

# ClickHouse counts seconds of a TTL in 32 bits up to 2106. Beyond it the sum wraps round, every row
# is older than allowed at once, and the table is silently empty (measured with 100 years).
LONGEST_TTL = dt.timedelta(days=50 * 365)

_TIMES = ("open_time", "target_open_time", "decided_at", "known_at")
_WORDS = ("symbol", "interval", "quality", "reason", "model", "strategy", "layer", "engine", "state", "kind")
_TYPES: Mapping[pl.DataType, tuple[str, str]] = {
    pl.Float64(): ("Float64", "Gorilla, ZSTD(1)"),
    pl.Float32(): ("Float32", "Gorilla, ZSTD(1)"),
    pl.Int64(): ("Int64", "Delta, ZSTD(1)"),
    pl.Int32(): ("Int32", "Delta, ZSTD(1)"),
    pl.Boolean(): ("Bool", "ZSTD(1)"),
    pl.Date(): ("Date32", "Delta, ZSTD(1)"),
    UTC: ("DateTime64(6, 'UTC')", "DoubleDelta, ZSTD(1)"),
    pl.String(): ("String", "ZSTD(1)"),
}

CREATE_LEDGER = f"""
CREATE TABLE IF NOT EXISTS {LEDGER} (
    table String, generation UInt64, rows UInt64
) ENGINE = MergeTree ORDER BY (table, generation)
"""


def name_of(dataset: str, contract: Contract) -> str:
    """Name of the table for generations of `dataset` with these columns: other columns, another table."""
    shape = [(column.name, str(column.dtype), column.nullable) for column in contract.columns]
    return f"{dataset}@{hashlib.sha256(repr(shape).encode()).hexdigest()[:8]}"


def copy_of(generation: Generation) -> int:
    """The number of a generation's copy: the same rows of a partition have the same, in whichever catalogue.

    Not the generation's id: a catalogue that was restored, or made anew, gives its ids again, and would
    meet other rows under them.
    """
    told = f"{generation.dataset}\n{generation.partition}\n{generation.content}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:8])


def create(table: str, contract: Contract, ttl: dt.timedelta | None) -> str:
    """CREATE TABLE for copies of a contract's rows, each with its generation.

    Times are doubly delta coded and prices Gorilla coded, both with ZSTD behind; words that repeat are
    LowCardinality. Rows are in the contract's order, as in our files.

    Raises:
        WarehouseError: for a column that ClickHouse has no type for, and a TTL that would overflow.
    """
    columns = [_column(column, contract) for column in contract.columns]
    columns += [f"{GENERATION} UInt64 CODEC(Delta, ZSTD(1))"]
    return (
        f"CREATE TABLE IF NOT EXISTS {backticked(table)} (\n  " + ",\n  ".join(columns) + "\n) ENGINE = MergeTree "
        f"ORDER BY ({', '.join(backticked(name) for name in contract.key)})" + _ttl_clause(contract, ttl)
    )


def ttl_seconds(contract: Contract, ttl: dt.timedelta | None) -> int | None:
    """The age in seconds at which rows of this contract go; None when they are kept for ever, or have no time."""
    return None if ttl is None or time_column(contract) is None else int(ttl.total_seconds())


def _ttl_clause(contract: Contract, ttl: dt.timedelta | None) -> str:
    """The table's TTL; empty when rows are kept.

    Raises:
        WarehouseError: for a TTL that would overflow.
    """
    column = time_column(contract)
    if ttl is None or column is None:
        return ""
    if ttl > LONGEST_TTL:
        raise WarehouseError(
            f"warehouse.ttl is {ttl.days} days; ClickHouse counts to the year 2106, so at most {LONGEST_TTL.days} "
            "work. Remedy: leave it out to keep rows for ever."
        )
    return f" TTL toDateTime({backticked(column)}, 'UTC') + INTERVAL {int(ttl.total_seconds())} SECOND DELETE"


def living(frame: pl.DataFrame, contract: Contract, ttl: dt.timedelta | None, now: dt.datetime) -> pl.DataFrame:
    """The rows of `frame` that a table with this TTL still holds at `now`."""
    column = time_column(contract)
    return frame if ttl is None or column is None else frame.filter(pl.col(column) > now - ttl)


def time_column(contract: Contract) -> str | None:
    """The column whose age counts: when a row's bar began, or was decided, or known."""
    times = [column.name for column in contract.columns if column.dtype == UTC and not column.nullable]
    named = [name for name in _TIMES if name in times]
    dates = [column.name for column in contract.columns if column.dtype == pl.Date and not column.nullable]
    return next(iter([*named, *times, *dates]), None)


def moment(at: dt.datetime) -> str:
    """A time (UTC) as ClickHouse writes it."""
    return f"toDateTime64('{at:%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"


def backticked(name: str) -> str:
    """A name as ClickHouse quotes it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _column(column: Column, contract: Contract) -> str:
    dtype = column.dtype() if isinstance(column.dtype, type) else column.dtype
    if isinstance(dtype, pl.Decimal):
        kind, codec = f"Decimal({dtype.precision}, {dtype.scale})", "ZSTD(1)"
    elif dtype in _TYPES:
        kind, codec = _TYPES[dtype]
    else:
        raise WarehouseError(
            f"{contract.name}: column {column.name} is {dtype}, which the ClickHouse copy has no type for"
        )
    kind = f"Nullable({kind})" if column.nullable else kind
    if column.name in _WORDS and dtype == pl.String:
        kind = f"LowCardinality({kind})"
    return f"{backticked(column.name)} {kind} CODEC({codec})"

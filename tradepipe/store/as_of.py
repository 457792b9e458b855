"""Reading what was known at a moment: rows known by then, and versions that were restated since."""

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import groupby

import polars as pl

from tradepipe.contracts import UTC
from tradepipe.contracts.as_of import as_of_column
from tradepipe.store import reading
from tradepipe.store.catalogue import Catalogue
from tradepipe.store.errors import DatasetNotFound
from tradepipe.store.model import Generation
from tradepipe.store.parts import Addresses

HISTORY = "history"
SUPERSEDED_AT = "superseded_at"

_KEY = ("symbol", "open_time")

Snapshot = tuple[Mapping[str, Generation], Mapping[str, Generation]]
"""Partition -> current generation, of a dataset and of its history."""


def history_of(dataset: str) -> str:
    """Name of the companion with the versions that were true and are not any more."""
    return f"{dataset}.{HISTORY}"


def moment(as_of: dt.datetime) -> pl.Expr:
    """`as_of` as a value to compare with.

    Raises:
        ValueError: when it has no time zone.
    """
    if as_of.tzinfo is None:
        raise ValueError(f"as_of {as_of} has no time zone; expected one in UTC")
    return pl.lit(as_of.astimezone(dt.UTC), UTC)


def snapshot(catalogue: Catalogue, dataset: str) -> Snapshot:
    """Current generations of `dataset` and of its history, from one look at the catalogue.

    Raises:
        DatasetNotFound: when nothing of the dataset was ever published.
    """
    history = history_of(dataset)
    found = catalogue.current_of([dataset, history])
    if not found[dataset]:
        raise DatasetNotFound(dataset, catalogue.datasets())
    return found[dataset], found[history]


def read(  # noqa: PLR0913 - the snapshot, the moment, and what of it is wanted
    addresses: Addresses,
    known: Snapshot,
    partitions: Sequence[str] | None,
    as_of: dt.datetime,
    *,
    columns: Sequence[str] | None = None,
    symbols: Sequence[str] | None = None,
) -> pl.DataFrame:
    """`rows_as_of` of `partitions` (None: of all), collected.

    Raises:
        AsOfError: when the dataset cannot tell.
    """
    current, history = known
    wanted = current if partitions is None else {key: current[key] for key in sorted(set(partitions) & set(current))}
    # No partition of those asked for: any file of the dataset knows the columns.
    shown = wanted or dict([next(iter(current.items()))])
    frame = rows_as_of(addresses, shown, history, as_of, columns=columns, symbols=symbols)
    return reading.collect(frame if wanted else frame.head(0), next(iter(shown.values())).dataset)


def rows_as_of(  # noqa: PLR0913 - the two snapshots, the moment, and what of it is wanted
    addresses: Addresses,
    current: Mapping[str, Generation],
    history: Mapping[str, Generation],
    as_of: dt.datetime,
    *,
    columns: Sequence[str] | None = None,
    symbols: Sequence[str] | None = None,
) -> pl.LazyFrame:
    """Rows of the partitions in `current` that were true at `as_of` (inclusive), in partition order.

    A row is true from the moment it was known until, in `history`, it was superseded. Partitions with
    a history are read one by one and sorted by symbol and open time; the others in one piece.

    Args:
        addresses: where the store's files are.
        current: partition -> generation, at least one, all of one dataset.
        history: partition -> generation of its companion, from the same look at the catalogue.
        as_of: with a time zone.
        columns: those that are wanted; default: all.
        symbols: those that are wanted; default: all.

    Raises:
        AsOfError: when the dataset cannot tell.
    """
    first = next(iter(current.values()))
    names = reading.scan(addresses, [first]).collect_schema().names()
    known, now = pl.col(as_of_column(first.dataset, first.contract, names)), moment(as_of)

    def scan(generations: Sequence[Generation]) -> pl.LazyFrame:
        return reading.scan(addresses, generations, symbols=symbols).filter(known <= now)

    restated = {partition for partition, one in history.items() if one.rows}
    parts = []
    for alone, keys in groupby(current, lambda key: key if key in restated else None):
        part = scan([current[key] for key in keys])
        if alone is not None:
            was = scan([history[alone]]).filter(pl.col(SUPERSEDED_AT) > now).drop(SUPERSEDED_AT)
            part = pl.concat([part, was]).sort(_KEY)
        parts.append(part if columns is None else part.select(columns))
    return pl.concat(parts)


def newest_as_of(  # noqa: PLR0913 - as above
    addresses: Addresses,
    current: Mapping[str, Generation],
    history: Mapping[str, Generation],
    as_of: dt.datetime,
    *,
    symbol: str,
    rows: int,
) -> pl.DataFrame:
    """The last `rows` rows of `symbol` that were true at `as_of`, reading partitions from the newest back."""
    keys, found, step = list(current), 0, 1
    parts: list[pl.DataFrame] = []
    while keys and found < rows:
        batch, keys = keys[-step:], keys[:-step]
        part = reading.collect(
            rows_as_of(addresses, {key: current[key] for key in batch}, history, as_of, symbols=[symbol]),
            current[batch[0]].dataset,
        )
        parts.insert(0, part)
        found, step = found + part.height, 2 * step
    return pl.concat(parts).tail(rows)

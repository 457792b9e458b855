"""Reading the windows of many symbols at once: one look at the catalogue, each file once."""

from collections.abc import Sequence

import polars as pl

from tradepipe.store import DatasetNotFound, Generation, PartitionStore, StoreError, reading

_ATTEMPTS = 3
_SYMBOL = "symbol"


def newest_windows(store: PartitionStore, dataset: str, symbols: Sequence[str], rows: int) -> dict[str, pl.DataFrame]:
    """The last `rows` rows of each symbol, as `PartitionStore.latest` gives them one by one.

    Raises:
        DatasetNotFound: nothing of the dataset was ever published.
        StoreError: its files keep vanishing.
    """
    missing: FileNotFoundError | None = None
    for _ in range(_ATTEMPTS):  # a sweep may come between the catalogue and a file
        newest = store.catalogue.newest(dataset)
        if not newest:
            raise DatasetNotFound(dataset, store.catalogue.datasets())
        try:
            return _read(store, dataset, newest, symbols, rows)
        except FileNotFoundError as error:
            missing = error
    raise StoreError(f"{dataset}: the file of a current generation is missing ({missing})") from missing


def _read(
    store: PartitionStore, dataset: str, newest: Sequence[Generation], symbols: Sequence[str], rows: int
) -> dict[str, pl.DataFrame]:
    """From the newest partition back, in ever larger steps, only what is still lacking."""
    found: dict[str, list[pl.DataFrame]] = {symbol: [] for symbol in symbols}
    heights = dict.fromkeys(symbols, 0)
    start, step = 0, 1
    empty = pl.DataFrame()
    while start < len(newest) and (lacking := [one for one in symbols if heights[one] < rows]):
        batch = newest[start : start + step]
        part = reading.collect(reading.scan(store.addresses, batch[::-1], symbols=lacking), dataset)
        for (symbol,), frame in part.partition_by(_SYMBOL, as_dict=True).items():
            found[str(symbol)].insert(0, frame)
            heights[str(symbol)] += frame.height
        start, step, empty = start + len(batch), 2 * step, part.clear()
    return {symbol: pl.concat([empty, *frames]).tail(rows) for symbol, frames in found.items()}

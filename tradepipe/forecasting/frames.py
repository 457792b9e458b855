"""Checks of the frames that callers hand in."""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl


def require_columns(frame: pl.DataFrame, name: str, columns: Iterable[str]) -> None:
    """Raise ValueError, naming what is missing and what is there, unless `frame` has all `columns`."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"{name} lacks column {', '.join(missing)}; it has {', '.join(frame.columns)}")


def require_unique(frame: pl.DataFrame, name: str, key: Sequence[str]) -> None:
    """Raise ValueError, naming the first repeated `key`, unless each occurs once."""
    keys = frame.select(key)
    repeated = keys.filter(keys.is_duplicated())
    if not repeated.is_empty():
        raise ValueError(
            f"{name} has {repeated.unique().height} repeated {', '.join(key)}, "
            f"e.g. {repeated.row(0, named=True)}; each must be there once"
        )


Runs = tuple[pl.Series, np.ndarray[tuple[int], np.dtype[np.int64]]]
"""Symbols, and where the rows of each begin."""


def runs_of(frame: pl.DataFrame) -> Runs:
    """The symbol of each run of rows of one symbol, and where it begins.

    Frames go symbol by symbol: looking a run's name up once is several times faster than each row's.
    """
    symbol = frame.get_column("symbol")
    begin = (symbol != symbol.shift(1)).fill_null(value=True).arg_true()
    return symbol.gather(begin), begin.to_numpy().astype(np.int64)


def goes_by_bar(frame: pl.DataFrame) -> bool:
    """Whether `frame` goes by symbol and open time, each bar once: then there is nothing to sort."""
    names, begin = runs_of(frame)
    opened = frame.get_column("open_time").to_physical().to_numpy()
    later = opened[1:] > opened[:-1]
    later[begin[1:] - 1] = True
    return bool(later.all()) and bool((names.shift(1) < names).fill_null(value=True).all())

"""Checks of the frames that callers hand in."""

from collections.abc import Iterable, Sequence

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

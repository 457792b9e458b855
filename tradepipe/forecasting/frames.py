"""Checks of the frames that callers hand in."""

from collections.abc import Iterable

import polars as pl


def require_columns(frame: pl.DataFrame, name: str, columns: Iterable[str]) -> None:
    """Raise ValueError, naming what is missing and what is there, unless `frame` has all `columns`."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"{name} lacks column {', '.join(missing)}; it has {', '.join(frame.columns)}")

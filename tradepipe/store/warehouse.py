"""SQL over the store: DuckDB reads the current files that the catalogue names."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tradepipe.store.errors import DatasetNotFound
from tradepipe.store.parts import duckdb_source
from tradepipe.store.store import PartitionStore

# Text, quoted names and comments come first, so that a ref() inside one of them is left alone.
_TOKENS = re.compile(
    r"""
      '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | --[^\n]*
    | /\*.*?\*/
    | \bref\s*\(\s*'(?P<layer>[^']*)'\s*\)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


class Warehouse:
    """Research queries over one market's layers; it reads, and never writes."""

    def __init__(self, store: PartitionStore) -> None:
        self._store = store

    def query(
        self, sql_text: str, market: str, params: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> pl.DataFrame:
        """Run one SELECT in which `ref('bars')` stands for the market's published bars.

        All layers are read as of one moment. Session time zone is UTC; `?` and `$name` take
        `params`. The connection is in memory and ends with the query.

        Raises:
            DatasetNotFound: when a layer has nothing published.
            duckdb.Error: when DuckDB refuses the query.
        """
        import duckdb  # noqa: PLC0415 - most processes ask nothing of it

        with duckdb.connect(config={"autoinstall_known_extensions": "false", "TimeZone": "UTC"}) as connection:
            result: pl.DataFrame = connection.sql(self.resolve(sql_text, market), params=params).pl()
            return result

    def resolve(self, sql_text: str, market: str) -> str:
        """`sql_text` with each `ref()` replaced by the list of files it stands for now."""
        datasets = {f"{market}/{match['layer']}" for match in _TOKENS.finditer(sql_text) if match["layer"] is not None}
        current = self._store.catalogue.current_of(datasets) if datasets else {}
        for dataset, generations in current.items():
            if not generations:
                raise DatasetNotFound(dataset, self._store.catalogue.datasets())

        def replace(match: re.Match[str]) -> str:
            if match["layer"] is None:
                return match[0]
            return duckdb_source(self._store.addresses, list(current[f"{market}/{match['layer']}"].values()))

        return _TOKENS.sub(replace, sql_text)

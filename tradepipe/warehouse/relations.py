"""What `ref()` stands for: published generations, rows made of the configuration, or a mart computed in place."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from tradepipe.contracts import Contract
from tradepipe.contracts.as_of import as_of_column
from tradepipe.store import DatasetNotFound, Generation, PartitionStore
from tradepipe.store.as_of import HISTORY, SUPERSEDED_AT
from tradepipe.warehouse.errors import UnknownRelationError
from tradepipe.warehouse.marts import Mart


@dataclass(frozen=True)
class Relation:
    """One thing that can be read by name.

    `generations` are of one dataset and one contract; `rows` are further rows, which are no dataset's.
    With `as_of` (UTC) only rows are read that were true then: those with `known_at` at or before it,
    and those of `history` that were superseded later.
    """

    name: str
    contract: Contract
    generations: tuple[Generation, ...] = ()
    rows: pl.DataFrame | None = None
    as_of: dt.datetime | None = None
    history: "Relation | None" = None
    query: str | None = None
    """The SELECT of a mart that is computed in place, in DuckDB's dialect."""

    def condition(self, moment: Callable[[dt.datetime], str]) -> str:
        """SQL that holds for the rows to be read, empty for all; `moment` writes a time as the engine has it."""
        if self.as_of is None:
            return ""
        then = moment(self.as_of.astimezone(dt.UTC))
        superseded = f" AND {SUPERSEDED_AT} > {then}" if SUPERSEDED_AT in self.contract.column_names else ""
        return f"{as_of_column(self.name, self.contract.name, self.contract.column_names)} <= {then}{superseded}"


@dataclass(frozen=True)
class Shelf:
    """What one market's SQL can name: the contract of each layer, rows of the configuration, and marts."""

    market: str
    contracts: Mapping[str, Contract]
    configured: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    marts: Mapping[str, Mart] = field(default_factory=dict)

    def relations(
        self, store: PartitionStore, names: Collection[str], *, as_of: dt.datetime | None = None
    ) -> dict[str, Relation]:
        """The relations that `names` stand for now, all as of one look at the catalogue, each after those it reads.

        A mart is read as published; with `as_of`, and where it never was, it is computed in place.

        Raises:
            UnknownRelationError: for a name that is nothing of the market.
            AsOfError: for one that cannot say what was known at `as_of`.
            DatasetNotFound: when a layer was never published.
        """
        wanted = self._closure(names)
        datasets = {name: f"{self.market}/{name}" for name in wanted if name not in self.configured}
        datasets |= {f"{name}.{HISTORY}": f"{self.market}/{name}.{HISTORY}" for name in datasets}
        current = store.catalogue.current_of(list(datasets.values()))
        found: dict[str, Relation] = {}

        def add(name: str) -> None:
            if name in found:
                return
            published = tuple(current[datasets[name]].values()) if name in datasets else ()
            if name in self.marts and (as_of is not None or not published):
                for ref in self.marts[name].refs:
                    add(ref)
                found[name] = Relation(name, self.marts[name].contract, query=self.marts[name].sql)
                return
            if not published and name not in self.configured and "." not in name:
                raise DatasetNotFound(f"{self.market}/{name}", store.catalogue.datasets())
            found[name] = self._relation(name, published, as_of)
            if as_of is not None and f"{name}.{HISTORY}" in self.contracts:
                past = f"{name}.{HISTORY}"
                history = self._relation(past, tuple(current[datasets[past]].values()), as_of)
                found[name] = replace(found[name], history=history)

        for name in names:
            add(name)
        return found

    def contract(self, name: str) -> Contract:
        """The contract of what `name` stands for.

        Raises:
            UnknownRelationError: when it is nothing of the market.
        """
        if name in self.marts:
            return self.marts[name].contract
        if name not in self.contracts:
            known = ", ".join(sorted({*self.contracts, *self.marts}))
            raise UnknownRelationError(f"ref('{name}'): {self.market} has no such layer or mart. Known: {known}.")
        return self.contracts[name]

    def _closure(self, names: Collection[str]) -> list[str]:
        wanted = dict.fromkeys(names)
        for name in names:
            self.contract(name)
            if name in self.marts:
                wanted |= dict.fromkeys(self._closure(self.marts[name].refs))
        return list(wanted)

    def _relation(self, name: str, published: tuple[Generation, ...], as_of: dt.datetime | None) -> Relation:
        contract = self.contract(name)
        if as_of is not None:
            as_of_column(f"{self.market}/{name}", contract.name, contract.column_names)
        return Relation(name, contract, published, self.configured.get(name), as_of)

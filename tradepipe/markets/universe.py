"""Universes: which symbols a market holds and when, with lot and tick. Versioned files in data/manifests/universes."""

import datetime as dt
import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tradepipe.paths import manifests_folder

# Ten times faster where libyaml is there: a universe of a thousand instruments is read by every process.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Positive = Annotated[Decimal, Field(gt=0)]


class UniverseError(ValueError):
    """A universe file is missing or broken; the message names file and key."""


class Spell(BaseModel):
    """A time as a member: from the first date to the first one no longer; without `to` it still is one."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: dt.date = Field(alias="from")
    end: dt.date | None = Field(None, alias="to")

    def covers(self, on: dt.date) -> bool:
        return self.start <= on and (self.end is None or on < self.end)


class TradingRules(BaseModel):
    """The smallest quantity step (`lot`) and price step (`tick`) from a date on."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: dt.date = Field(dt.date.min, alias="from")
    lot: Positive
    tick: Positive


class Instrument(BaseModel):
    """One tradable: its symbol, the smallest quantity step (`lot`) and price step (`tick`).

    `lot` and `tick` are those of the beginning, `rule_changes` the later ones; ask `rules` what was
    right on a date. `member` is when the symbol belongs to the universe: without any spell, always.
    `may_be_negative` says that its price can be zero or below, as WTI crude's was on 2020-04-20.
    `sector` is the industry by which forecasts are grouped and judged, in the source's own words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: str = Field(pattern=r"^\S+$", max_length=40)
    name: str
    lot: Positive
    tick: Positive
    may_be_negative: bool = False
    sector: str | None = Field(None, max_length=60)
    member: tuple[Spell, ...] = ()
    rule_changes: tuple[TradingRules, ...] = ()

    @field_validator("member")
    @classmethod
    def _apart(cls, member: tuple[Spell, ...]) -> tuple[Spell, ...]:
        for spell in member:
            if spell.end is not None and spell.end <= spell.start:
                raise ValueError(f"a spell ends after it starts, not from {spell.start} to {spell.end}")
        for before, after in itertools.pairwise(member):
            if before.end is None or after.start < before.end:
                raise ValueError(
                    f"spells follow each other: the one from {after.start} begins before the last has ended"
                )
        return member

    @field_validator("rule_changes")
    @classmethod
    def _ascending(cls, changes: tuple[TradingRules, ...]) -> tuple[TradingRules, ...]:
        for before, after in itertools.pairwise(changes):
            if after.start <= before.start:
                raise ValueError(f"changes follow each other: {after.start} comes after {before.start}")
        return changes

    def is_member(self, on: dt.date) -> bool:
        """Whether the symbol belonged to the universe on a date."""
        return not self.member or any(spell.covers(on) for spell in self.member)

    def rules(self, on: dt.date) -> TradingRules:
        """Lot and tick as they were on a date."""
        found = TradingRules(lot=self.lot, tick=self.tick)
        for change in self.rule_changes:
            if change.start <= on:
                found = change
        return found


class Universe(BaseModel):
    """The instruments of a market, one version of them. Symbols are unique."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$", description="semantic version of the list")
    instruments: tuple[Instrument, ...] = Field(min_length=1)

    @field_validator("instruments")
    @classmethod
    def _unique(cls, instruments: tuple[Instrument, ...]) -> tuple[Instrument, ...]:
        counts = Counter(instrument.symbol for instrument in instruments)
        twice = [symbol for symbol, count in counts.items() if count > 1]
        if twice:
            raise ValueError(f"symbols listed more than once: {', '.join(twice)}")
        return instruments

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that belongs or ever belonged to the universe."""
        return tuple(instrument.symbol for instrument in self.instruments)

    @property
    def is_dated(self) -> bool:
        """Whether membership changes over time at all."""
        return any(instrument.member for instrument in self.instruments)

    def members(self, on: dt.date) -> tuple[Instrument, ...]:
        """The instruments that belonged to the universe on a date: what it was that day, not what it became."""
        return tuple(instrument for instrument in self.instruments if instrument.is_member(on))

    def membership(self) -> pl.DataFrame:
        """Every spell: symbol, from, to (null: still a member), by symbol and time; always-members from null on."""
        rows = [
            (instrument.symbol, spell.start if spell else None, spell.end if spell else None)
            for instrument in self.instruments
            for spell in instrument.member or (None,)
        ]
        schema = {"symbol": pl.String, "from": pl.Date, "to": pl.Date}
        return pl.DataFrame(rows, schema=schema, orient="row").sort("symbol", "from")

    def is_member(self, rows: pl.DataFrame, on: str = "session") -> pl.Series:
        """For each of `rows`, whether its `symbol` belonged to the universe on its date `on`."""
        if not self.is_dated:
            return rows.get_column("symbol").is_in(self.symbols).alias("is_member")
        spells = self.membership().with_columns(pl.col("from").fill_null(dt.date.min)).sort("from")
        found = (
            rows.select("symbol", pl.col(on).alias("on"))
            .with_row_index("row")
            .sort("on")
            .join_asof(spells, left_on="on", right_on="from", by="symbol", strategy="backward", check_sortedness=False)
            .sort("row")
        )
        inside = pl.col("from").is_not_null() & (pl.col("to").is_null() | (pl.col("on") < pl.col("to")))
        return found.select(is_member=inside).to_series()

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of `symbol`.

        Raises:
            KeyError: naming the universe and its symbols.
        """
        found = self._by_symbol.get(symbol)
        if found is None:
            raise KeyError(
                f"universe {self.name} {self.version} has no symbol {symbol!r}; it holds {_few(self.symbols)}"
            )
        return found

    @functools.cached_property
    def _by_symbol(self) -> dict[str, Instrument]:
        return {instrument.symbol: instrument for instrument in self.instruments}


def _few(symbols: Sequence[str], shown: int = 20) -> str:
    more = f" and {len(symbols) - shown} more" if len(symbols) > shown else ""
    return f"{', '.join(symbols[:shown])}{more}"


def load_universe(path_or_name: Path | str) -> Universe:
    """Read a universe: a path (also as text that ends in .yaml), or the name of a file in data/manifests/universes.

    Raises:
        UniverseError: naming the file, each broken key and what was expected.
    """
    folder = manifests_folder() / "universes"
    given = isinstance(path_or_name, Path) or path_or_name.endswith(".yaml")
    path = Path(path_or_name).expanduser() if given else folder / f"{path_or_name}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in folder.glob("*.yaml"))) or "none"
        raise UniverseError(f"{path}: no such universe file (key `universe` of the market's file); there are: {there}")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - both are safe loaders
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UniverseError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(content, dict):
        raise UniverseError(f"{path}: a mapping with name, version and instruments is expected")
    try:
        universe = Universe.model_validate(content)
    except ValidationError as error:
        lines = [f"{path}: universe refused"]
        lines += [f"  {_key(fault['loc'])}: {fault['msg']} (found {fault['input']!r})" for fault in error.errors()]
        raise UniverseError("\n".join(lines)) from None
    if universe.name != path.stem:
        raise UniverseError(f"{path}: name: expected {path.stem!r}, the file's name (found {universe.name!r})")
    return universe


def _key(location: tuple[int | str, ...]) -> str:
    """The path of a key as a person writes it: instruments[1].lot."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")

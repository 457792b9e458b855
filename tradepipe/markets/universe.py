"""Universes: which symbols a market holds, with lot and tick. Versioned files in data/manifests/universes."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tradepipe.paths import manifests_folder

Positive = Annotated[Decimal, Field(gt=0)]


class UniverseError(ValueError):
    """A universe file is missing or broken; the message names file and key."""


class Instrument(BaseModel):
    """One tradable: its symbol, the smallest quantity step (`lot`) and price step (`tick`).

    `may_be_negative` says that its price can be zero or below, as WTI crude's was on 2020-04-20.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: str = Field(pattern=r"^\S+$", max_length=40)
    name: str
    lot: Positive
    tick: Positive
    may_be_negative: bool = False


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
        return tuple(instrument.symbol for instrument in self.instruments)

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of `symbol`.

        Raises:
            KeyError: naming the universe and its symbols.
        """
        for instrument in self.instruments:
            if instrument.symbol == symbol:
                return instrument
        raise KeyError(f"universe {self.name} {self.version} has no symbol {symbol!r}; it holds {self.symbols}")


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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
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

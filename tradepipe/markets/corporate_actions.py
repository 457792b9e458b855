"""Corporate actions: splits, dividends and symbol changes as versioned, dated facts.

Files in data/manifests/corporate_actions, `<name>.yaml`: name, version, source, and the facts, either
listed under `actions` or kept in a CSV file beside it that `table` names.
"""

import csv
import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tradepipe.contracts import CORPORATE_ACTIONS
from tradepipe.paths import manifests_folder

NEEDS = {"split": "ratio", "dividend": "amount", "symbol_change": "new_symbol", "listing": None}


class CorporateActionError(ValueError):
    """A file of corporate actions is missing or broken, or a fact cannot be applied; the message names it."""


def _known(value: object) -> object:
    """A date alone counts as known once it is over."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value) if "T" in value or ":" in value else dt.date.fromisoformat(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value + dt.timedelta(days=1), dt.time(), dt.UTC)
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        raise ValueError("a time needs a zone, such as 2014-04-23T20:30:00Z; a date alone means its end")
    return value


class Action(BaseModel):
    """One fact as a person writes it: see CORPORATE_ACTIONS for what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: str = Field(pattern=r"^\S+$", max_length=40)
    kind: Literal["split", "dividend", "symbol_change", "listing"]
    ex_date: dt.date
    known_at: Annotated[dt.datetime, BeforeValidator(_known)]
    ratio: float | None = Field(None, gt=0, allow_inf_nan=False)
    amount: float | None = Field(None, ge=0, allow_inf_nan=False)
    reference_price: float | None = Field(None, gt=0, allow_inf_nan=False)
    new_symbol: str | None = Field(None, pattern=r"^\S+$", max_length=40)
    source: str | None = None

    @model_validator(mode="after")
    def _told(self) -> "Action":
        needed = NEEDS[self.kind]
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"a {self.kind} needs {needed}")
        allowed = {needed, "reference_price"} if self.kind == "dividend" else {needed}
        known = {"ratio", "amount", "reference_price", "new_symbol"} - allowed
        odd = sorted(name for name in known if getattr(self, name) is not None)
        if odd:
            raise ValueError(f"a {self.kind} has no {' and no '.join(odd)}")
        return self


@dataclass(frozen=True)
class CorporateActions:
    """One version of a list of facts; `facts` keeps CORPORATE_ACTIONS."""

    name: str
    version: str
    facts: pl.DataFrame


def action_frame(actions: Sequence[Action], source: str = "") -> pl.DataFrame:
    """The facts as a frame that keeps CORPORATE_ACTIONS; `source` stands where a fact names none.

    Raises:
        CorporateActionError: two facts have the same symbol, ex-date, kind and known_at.
    """
    counts = Counter((one.symbol, one.ex_date, one.kind, one.known_at) for one in actions)
    twice = [" ".join(str(part) for part in key) for key, count in counts.items() if count > 1]
    if twice:
        raise CorporateActionError(
            f"facts given more than once: {'; '.join(twice)}. Remedy: add up what goes ex together; "
            "a correction needs a later known_at."
        )
    rows = [one.model_dump() | {"source": one.source or source} for one in actions]
    return CORPORATE_ACTIONS.arrange(
        pl.DataFrame(rows, schema_overrides=CORPORATE_ACTIONS.polars_schema) if rows else CORPORATE_ACTIONS.empty()
    )


def load_corporate_actions(path_or_name: Path | str) -> CorporateActions:
    """Read a list: a path, or the name of a file in data/manifests/corporate_actions without .yaml.

    Raises:
        CorporateActionError: naming the file, each broken key or line, and what was expected.
    """
    folder = manifests_folder() / "corporate_actions"
    path = path_or_name if isinstance(path_or_name, Path) else folder / f"{path_or_name}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in folder.glob("*.yaml"))) or "none"
        raise CorporateActionError(
            f"{path}: no such file (key `corporate_actions` of the market's file); there are: {there}"
        )
    content = _mapping(path)
    wrong = [
        f"  {key}: expected text (found {content.get(key)!r})"
        for key in ("name", "version", "source")
        if not isinstance(content.get(key), str)
    ]
    unknown = sorted(set(content) - {"name", "version", "source", "description", "actions", "table"})
    wrong += [f"  {key}: no such key" for key in unknown]
    if ("actions" in content) == ("table" in content):
        wrong.append("  expected either actions, a list of facts, or table, the CSV file beside this one that has them")
    if not wrong and content["name"] != path.stem:
        wrong.append(f"  name: expected {path.stem!r}, the file's name (found {content['name']!r})")
    if wrong:
        raise CorporateActionError("\n".join([f"{path}: corporate actions refused", *wrong]))
    if "table" in content:
        path = path.parent / str(content["table"])
        told = _table(path)
    else:
        told = _listed(path, content["actions"])
    facts = _checked(path, told)
    try:
        return CorporateActions(content["name"], content["version"], action_frame(facts, content["source"]))
    except CorporateActionError as error:
        raise CorporateActionError(f"{path}: {error}") from None


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CorporateActionError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(content, dict):
        raise CorporateActionError(f"{path}: a mapping with name, version, source and actions or table is expected")
    return content


def _listed(path: Path, actions: object) -> dict[str, Mapping[str, Any]]:
    """Where each fact stands -> its keys."""
    if not isinstance(actions, list) or not all(isinstance(one, dict) for one in actions):
        raise CorporateActionError(
            f"{path}: actions: expected a list of mappings with symbol, kind, ex_date, known_at …"
        )
    return {f"actions[{index}]": one for index, one in enumerate(actions)}


def _table(path: Path) -> dict[str, Mapping[str, Any]]:
    if not path.is_file():
        raise CorporateActionError(f"{path}: no such file (key `table`)")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, restkey="further columns", restval="")
        return {f"line {reader.line_num}": {key: value for key, value in row.items() if value != ""} for row in reader}


def _checked(path: Path, told: Mapping[str, Mapping[str, Any]]) -> list[Action]:
    facts, faults = [], []
    for place, one in told.items():
        try:
            facts.append(Action.model_validate(one))
        except ValidationError as error:
            for fault in error.errors():
                key = ".".join([place, *(str(part) for part in fault["loc"])])
                faults.append(f"  {key}: {fault['msg']} (found {fault['input']!r})")
    if faults:
        raise CorporateActionError("\n".join([f"{path}: corporate actions refused", *faults]))
    return facts


def write_corporate_actions(folder: Path, name: str, *, version: str, source: str, facts: pl.DataFrame) -> Path:
    """Write facts as `<name>.yaml` and `<name>.csv` below `folder`; the YAML file's path.

    Raises:
        CorporateActionError: the list is there in this version with other facts.
    """
    path, table = folder / f"{name}.yaml", folder / f"{name}.csv"
    arranged = CORPORATE_ACTIONS.arrange(facts)
    if path.is_file():
        before = load_corporate_actions(path)
        if before.version == version and not before.facts.equals(arranged):
            raise CorporateActionError(f"{path}: version {version} is there with other facts. Remedy: a new version.")
    folder.mkdir(parents=True, exist_ok=True)
    arranged.with_columns(pl.col("known_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")).write_csv(table)
    told = {"name": name, "version": version, "source": source, "table": table.name}
    path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    return path

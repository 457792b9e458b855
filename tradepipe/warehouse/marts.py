"""Marts: one SELECT a file of `dbt_like_sql`, whose header says what it promises.

The header is a block comment in YAML at the top of the file; docs/marts.md describes its keys. A
mart is read without a parser of SQL: what the SELECT may contain is the business of
`tradepipe.warehouse.portable`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import polars as pl
import yaml
from pydantic import Field, ValidationError

from tradepipe.contracts import MONEY, UTC, Column, Contract, Rule
from tradepipe.contracts.model import Dtype
from tradepipe.settings.sections import Name, Section
from tradepipe.warehouse.errors import MartError
from tradepipe.warehouse.tokens import normalised, references

ALL = "all"
"""The one partition of a mart that is not partitioned."""

TYPES: Mapping[str, Dtype] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "time": UTC,
    "money": MONEY,
}

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # every command reads the headers; C does it in a tenth
_HEADER = re.compile(r"\s*/\*(?P<yaml>.*?)\*/(?P<sql>.*)", re.DOTALL)


class ColumnHeader(Section):
    """One column of a mart."""

    type: Literal["text", "integer", "number", "boolean", "date", "time", "money"]
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    allowed: tuple[str, ...] | None = None
    nullable: bool = False


class Condition(Section):
    """What holds for each row, as a SQL expression over the mart's columns."""

    holds: str
    description: str


class Header(Section):
    """The YAML at the top of a mart's file."""

    description: str
    owner: str | None = Field(None, description="shown in the UI; default: the market's owner")
    version: str = Field("1", description="of the contract: count up when a column changes its meaning")
    partition_by: Name | None = Field(
        None, description="date column that says in which of the market's partitions a row lies; none: one partition"
    )
    lookback: dict[str, int] = Field({}, description="ref -> sessions before a partition that it reads as well")
    key: tuple[Name, ...] = Field(min_length=1)
    columns: dict[Name, ColumnHeader] = Field(min_length=1)
    rules: dict[Name, Condition] = Field({}, description="of the contract: a row that breaks one stops publication")
    checks: dict[Name, Condition] = Field({}, description="a row that breaks one gives a warning")


@dataclass(frozen=True)
class Mart:
    """One SELECT and its promise. `file` is where it stands, `sql` the file without its header."""

    name: str
    file: Path
    header: Header
    sql: str

    @property
    def partitioned(self) -> bool:
        return self.header.partition_by is not None

    @cached_property
    def refs(self) -> tuple[str, ...]:
        """What it reads: layers, their companions (`bars.gaps`), other marts, and `expected_bars`."""
        return tuple(references(self.sql))

    @cached_property
    def contract(self) -> Contract:
        told = self.header
        return Contract(
            name=self.name,
            version=told.version,
            description=told.description,
            key=told.key,
            columns=tuple(
                Column(name, TYPES[column.type], **column.model_dump(exclude={"type"}))
                for name, column in told.columns.items()
            ),
            rules=_conditions(self, told.rules),
        )

    @cached_property
    def checks(self) -> tuple[Rule, ...]:
        return _conditions(self, self.header.checks)

    @cached_property
    def code_version(self) -> str:
        """Digest of the SELECT and of what its rows must keep: another one makes every partition stale.

        Comments, white space, descriptions and checks are not part of it.
        """
        told = self.header
        shape = told.model_dump(mode="json", include={"version", "partition_by", "lookback", "key"})
        columns = {name: one.model_dump(exclude={"description", "unit"}) for name, one in told.columns.items()}
        rules = {name: rule.holds for name, rule in told.rules.items()}
        parts = json.dumps([normalised(self.sql), shape, columns, rules], sort_keys=True)
        return f"sql-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"


def read_mart(file: Path) -> Mart:
    """The mart in `file`.

    Raises:
        MartError: naming file and key, when the header is missing, or says what it must not.
    """
    text = file.read_text(encoding="utf-8")
    match = _HEADER.fullmatch(text)
    if match is None:
        raise MartError(f"{file}:1: no header. Remedy: begin the file with /* … */ in YAML, see docs/marts.md.")
    try:
        told = yaml.load(match["yaml"], Loader=_LOADER)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        raise MartError(f"{file}: the header is no YAML: {error}. Remedy: see docs/marts.md.") from None
    try:
        header = Header.model_validate(told if isinstance(told, dict) else {})
    except ValidationError as error:
        faults = [f"  {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise MartError("\n".join([f"{file}: the header is refused. See docs/marts.md.", *faults])) from None
    # Blank lines in the header's place keep the line numbers of messages right.
    blank = "\n" * text[: match.start("sql")].count("\n")
    mart = Mart(file.stem, file, header, blank + match["sql"].rstrip().rstrip(";"))
    _consistent(mart)
    return mart


def load_marts(folder: Path) -> dict[str, Mart]:
    """The marts of `folder` by name, each after those it reads.

    Raises:
        MartError: for a header that is refused, and for marts that read each other in a circle.
    """
    return ordered(read_mart(file) for file in sorted(folder.glob("*.sql")))


def ordered(marts: Iterable[Mart]) -> dict[str, Mart]:
    """Marts by name, each after those it reads; otherwise by name.

    Raises:
        MartError: naming the marts that read each other in a circle.
    """
    every = {mart.name: mart for mart in marts}
    found: dict[str, Mart] = {}

    def visit(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            circle = " -> ".join((*way[way.index(name) :], name))
            raise MartError(f"{every[name].file}: marts read each other in a circle: {circle}. Remedy: break it.")
        if name in found:
            return
        for ref in every[name].refs:
            if ref in every:
                visit(ref, (*way, name))
        found[name] = every[name]

    for name in sorted(every):
        visit(name, ())
    return found


def _conditions(mart: Mart, conditions: Mapping[str, Condition]) -> tuple[Rule, ...]:
    try:
        # The expression is in the description, so that contracts which differ in it are not equal.
        return tuple(
            Rule(code, pl.sql_expr(one.holds), f"{one.description} ({one.holds})") for code, one in conditions.items()
        )
    except (pl.exceptions.PolarsError, pl.exceptions.SQLSyntaxError) as error:
        raise MartError(f"{mart.file}: a rule or check is no SQL expression: {error}") from None


def _consistent(mart: Mart) -> None:
    told, columns = mart.header, mart.header.columns
    if not re.fullmatch(r"[a-z][a-z0-9_]*", mart.name):
        raise MartError(f"{mart.file}: a mart's name is in lower case with underscores, like quality_scorecard.")
    if unknown := [name for name in (*told.key, *filter(None, [told.partition_by])) if name not in columns]:
        raise MartError(f"{mart.file}: {', '.join(unknown)} is in key or partition_by, but not in columns.")
    if told.partition_by and columns[told.partition_by].type != "date":
        raise MartError(f"{mart.file}: partition_by: {told.partition_by} must be of type date.")
    if stray := [name for name in told.lookback if name not in mart.refs or not told.partition_by]:
        raise MartError(
            f"{mart.file}: lookback names {', '.join(stray)}; it is for what a partitioned mart reads by ref()."
        )
    if mart.name in mart.refs:
        raise MartError(f"{mart.file}: {mart.name} reads itself. Remedy: use a window function, or another mart.")
    for rule in (*mart.contract.rules, *mart.checks):
        if strange := set(rule.holds.meta.root_names()) - set(columns):
            raise MartError(f"{mart.file}: {rule.code} names {', '.join(sorted(strange))}, which is no column.")

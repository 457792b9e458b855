"""What a contract is: columns with meaning, rules with reason codes, and one key order.

A `Contract` is declared once and used three times: as the Pandera schema that a frame must pass
before it is published, as the filter that sends refused rows to quarantine with a reason, and as
the column schema that the Dagster UI shows. Pandera is imported only when a frame is validated,
because it costs two CPU seconds to import.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

UTC = pl.Datetime("us", "UTC")
MONEY = pl.Decimal(38, 8)

REASON = "reason"
KEY_NOT_INCREASING = "key_not_increasing"

Dtype = pl.DataType | type[pl.DataType]


@dataclass(frozen=True)
class Column:
    """One column: its type, what it means, its unit and the range its values must lie in."""

    name: str
    dtype: Dtype
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    allowed: tuple[str, ...] | None = None
    nullable: bool = False

    @property
    def range(self) -> str:
        """The range in interval notation, or the allowed words; empty when anything goes."""
        if self.allowed is not None:
            return " | ".join(self.allowed)
        if self.minimum is None and self.maximum is None:
            return ""
        left = "(" if self.exclusive or self.minimum is None else "["
        right = ")" if self.exclusive or self.maximum is None else "]"
        low = "-inf" if self.minimum is None else f"{self.minimum:g}"
        high = "inf" if self.maximum is None else f"{self.maximum:g}"
        return f"{left}{low}, {high}{right}"

    def rules(self) -> Iterator["Rule"]:
        """The column's own rules, in the order in which they are tried."""
        value = pl.col(self.name)
        if not self.nullable:
            yield Rule(f"{self.name}_missing", value.is_not_null(), f"{self.name} is present")
        if isinstance(self.dtype, pl.Float64 | pl.Float32) or self.dtype in (pl.Float64, pl.Float32):
            # NaN and inf pass ordinary comparisons in places; refuse them by name.
            yield Rule(f"{self.name}_not_finite", value.is_finite(), f"{self.name} is a finite number")
        if self.allowed is not None:
            yield Rule(f"{self.name}_unknown", value.is_in(list(self.allowed)), f"{self.name} is one of {self.range}")
        if self.minimum is not None or self.maximum is not None:
            yield Rule(f"{self.name}_out_of_range", self._in_range(), f"{self.name} lies in {self.range}")

    def _in_range(self) -> pl.Expr:
        value, holds = pl.col(self.name), pl.lit(value=True)
        if self.minimum is not None:
            holds = holds & (value > self.minimum if self.exclusive else value >= self.minimum)
        if self.maximum is not None:
            holds = holds & (value < self.maximum if self.exclusive else value <= self.maximum)
        return holds


@dataclass(frozen=True)
class Rule:
    """A condition on one row. `code` is what quarantine and error messages call its breach."""

    code: str
    holds: pl.Expr = field(compare=False)
    description: str

    @property
    def broken(self) -> pl.Expr:
        """True where the rule is broken; a null operand does not break it."""
        return ~self.holds.fill_null(value=True)


@dataclass(frozen=True)
class Contract:
    """What a layer promises: columns in order, rules, and a strictly increasing key."""

    name: str
    version: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def polars_schema(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def all_rules(self) -> list[Rule]:
        """Column rules first, then the contract's own; the first broken one names the reason."""
        return [rule for column in self.columns for rule in column.rules()] + list(self.rules)

    def empty(self) -> pl.DataFrame:
        """A frame with the contract's columns and no rows."""
        return pl.DataFrame(schema=self.polars_schema)

    def arrange(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The contract's columns in its order, rows sorted by its key."""
        return frame.select(self.column_names).sort(self.key, maintain_order=True)

    def split(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Part `frame` into rows that keep every rule and rows that break one.

        The second frame has the same columns plus `reason`, the code of the first broken rule.
        Duplicate keys are not a row's own fault: see `tradepipe.bars.cleaning` for who wins.

        Raises:
            ValueError: the contract has a column `reason` of its own, so its rows are not for quarantine.
        """
        if REASON in self.column_names:
            raise ValueError(f"contract {self.name} has a column {REASON!r}; its rows cannot be split by reason")
        rules = self.all_rules()
        kept = frame.select(rule.holds.all().alias(rule.code) for rule in rules).row(0, named=True)
        broken = [rule for rule in rules if not kept[rule.code]]
        nothing = frame.clear().with_columns(pl.lit(None, pl.String).alias(REASON))
        if not broken:  # the usual case: nothing is copied
            return frame, nothing
        fails = frame.select(pl.any_horizontal([rule.broken for rule in broken])).to_series()
        reason = pl.coalesce(*[pl.when(rule.broken).then(pl.lit(rule.code)) for rule in broken])
        return frame.filter(~fails), frame.filter(fails).with_columns(reason.alias(REASON))


class ContractError(ValueError):
    """A frame broke its contract and was not published."""

    def __init__(self, market: str, layer: str, partition: str, breaches: "list[Breach]") -> None:
        self.market, self.layer, self.partition, self.breaches = market, layer, partition, breaches
        lines = [f"{market}/{layer} partition {partition}: contract broken, nothing was published."]
        lines += [f"  {breach}" for breach in breaches]
        lines.append("Remedy: correct the input or the rule, then materialise the partition again.")
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class Breach:
    """One broken rule: how many rows broke it and up to three of them."""

    rule: str
    count: int
    examples: tuple[str, ...]
    kind: Literal["schema", "row"] = "row"

    def __str__(self) -> str:
        shown = "".join(f"\n      {example}" for example in self.examples)
        return f"rule {self.rule}: {self.count} row{'s' if self.count != 1 else ''}{shown}"

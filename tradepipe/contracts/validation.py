"""Contracts as Pandera schemas, and the one function that judges a frame by them."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from tradepipe.contracts.model import KEY_NOT_INCREASING, Breach, Contract, ContractError, Rule

if TYPE_CHECKING:
    import pandera.polars as pa

EXAMPLES_SHOWN = 3


@functools.lru_cache(maxsize=64)
def pandera_schema(contract: Contract) -> "pa.DataFrameSchema":
    """The Pandera schema of `contract`: strict and ordered columns, and one check a rule.

    The key check is "strictly increasing", which is uniqueness and order in one pass; Pandera's
    own `unique` costs eight times as much.
    """
    import pandera.polars as pa  # noqa: PLC0415 - two CPU seconds, paid only when validating

    rules = contract.all_rules()
    checks = [pa.Check(_row_check(rule), name=rule.code, description=rule.description) for rule in rules]
    checks.append(pa.Check(_key_check(contract.key), name=KEY_NOT_INCREASING))
    return pa.DataFrameSchema(
        {
            column.name: pa.Column(
                column.dtype,
                nullable=True,  # `<column>_missing` reports nulls, with the row
                description=column.description,
                metadata={"unit": column.unit, "range": column.range},
            )
            for column in contract.columns
        },
        checks=checks,
        name=contract.name,
        strict=True,
        ordered=True,
    )


def validate(frame: pl.DataFrame, contract: Contract, *, market: str, layer: str, partition: str) -> pl.DataFrame:
    """Return `frame` unchanged if it keeps `contract`.

    Raises:
        TypeError: for a LazyFrame, of which Pandera would check the schema only.
        ContractError: naming market, layer, partition, each broken rule, how many rows broke it
            and three of them.
    """
    import pandera.errors  # noqa: PLC0415

    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"{market}/{layer} {partition}: collect the frame first; a LazyFrame's values are not checked")
    try:
        pandera_schema(contract).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        # Pandera's own text repeats the whole frame; the breaches say all of it in a few lines.
        breaches = _schema_breaches(frame, contract) or _row_breaches(frame, contract, error.failure_cases)
        raise ContractError(market, layer, partition, breaches) from None
    return frame


def validate_parts(
    parts: Mapping[str, pl.DataFrame], contract: Contract, *, market: str, layer: str, in_order: bool = False
) -> None:
    """Judge partitions together: as `validate` of each, for less than the cost of one.

    Rules are about single rows, so one pass of their expressions over all rows says whether they hold;
    only the key starts anew with each partition. Where something does not hold, Pandera says what, a
    partition at a time; where all does, as is usual, it is not even imported. `in_order`:
    `out_of_order` has just found none of these very frames, so that it need not look again.

    Raises:
        TypeError, ContractError: see `validate`; for the first partition that breaks the contract.
    """
    if not parts:
        return
    schema = list(contract.polars_schema.items())
    if all(type(part) is pl.DataFrame and list(part.schema.items()) == schema for part in parts.values()):
        together = pl.concat(parts.values())
        rules = [rule.holds.all() for rule in contract.all_rules()]  # a null breaks no rule but its own
        kept = not rules or together.select(pl.all_horizontal(rules)).item()
        if kept and (in_order or not out_of_order(together, contract.key, [part.height for part in parts.values()])):
            return
    for partition, part in parts.items():
        validate(part, contract, market=market, layer=layer, partition=partition)


def out_of_order(rows: pl.DataFrame, key: tuple[str, ...], heights: Sequence[int]) -> list[int]:
    """The parts of `rows`, which follow one another with these heights, whose key is not strictly increasing."""
    wrong = rows.select((~_increasing(key)).alias("wrong")).to_series().arg_true()
    if wrong.is_empty():
        return []
    ends = pl.Series(heights, dtype=pl.UInt32).cum_sum()
    # A part's first row has no row before it in its part.
    inside = wrong.filter(~wrong.is_in(pl.concat([pl.Series([0], dtype=pl.UInt32), ends]).implode()))
    return ends.search_sorted(inside, side="right").unique().sort().to_list()


def _schema_breaches(frame: pl.DataFrame, contract: Contract) -> list[Breach]:
    expected, found = contract.polars_schema, frame.schema
    wrong = [f"column {name} is missing" for name in expected if name not in found]
    wrong += [f"column {name} is not in the contract" for name in found if name not in expected]
    wrong += [
        f"column {name} is {found[name]}, expected {dtype}"
        for name, dtype in expected.items()
        if name in found and found[name] != dtype
    ]
    if not wrong and list(found) != list(expected):
        wrong = [f"columns are in another order than {', '.join(expected)}"]
    return [Breach("schema", frame.height, (text,), "schema") for text in wrong]


def _row_breaches(frame: pl.DataFrame, contract: Contract, failures: pl.DataFrame) -> list[Breach]:
    conditions = {rule.code: rule.broken for rule in contract.all_rules()}
    conditions[KEY_NOT_INCREASING] = ~_increasing(contract.key)
    found = []
    for code in failures["check"].cast(pl.String).unique().sort():
        rows = frame.filter(conditions[code])
        shown = dict.fromkeys((*contract.key, *conditions[code].meta.root_names()))
        examples = rows.select(list(shown)).head(EXAMPLES_SHOWN).to_dicts()
        found.append(Breach(code, rows.height, tuple(_one_line(row) for row in examples)))
    return found


def _one_line(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items())


def _row_check(rule: Rule) -> Callable[[Any], pl.LazyFrame]:
    def check(data: Any) -> pl.LazyFrame:
        lazy: pl.LazyFrame = data.lazyframe
        return lazy.select((~rule.broken).alias(rule.code))

    return check


def _key_check(key: tuple[str, ...]) -> Callable[[Any], pl.LazyFrame]:
    def check(data: Any) -> pl.LazyFrame:
        lazy: pl.LazyFrame = data.lazyframe
        return lazy.select(_increasing(key).alias(KEY_NOT_INCREASING))

    return check


def _increasing(key: tuple[str, ...]) -> pl.Expr:
    """True where a row's key is greater than the one before it, compared left to right."""
    result = pl.lit(value=False)
    for name in reversed(key):
        value, before = pl.col(name), pl.col(name).shift(1)
        result = (value > before) | ((value == before) & result)
    return result.fill_null(value=True)

"""Which columns of what a mart reads each of its columns is made from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tradepipe.contracts import Contract
from tradepipe.warehouse.errors import MartError
from tradepipe.warehouse.marts import Mart
from tradepipe.warehouse.portable import parse

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

Source = tuple[str, str]
"""A ref and one of its columns."""


def column_lineage(mart: Mart, contracts: Mapping[str, Contract]) -> dict[str, list[Source]]:
    """Column of the mart -> (ref, column) it is computed from, sorted; `contracts` are those of its refs.

    Window and aggregate arguments, partition and order keys of windows count; filters, joins and
    GROUP BY do not: they say which rows, not which values.

    Raises:
        MartError: naming the file and the column that no ref has.
    """
    from sqlglot.errors import OptimizeError  # noqa: PLC0415 - a third of a CPU second
    from sqlglot.optimizer.qualify import qualify  # noqa: PLC0415
    from sqlglot.optimizer.scope import build_scope  # noqa: PLC0415

    schema: dict[str, object] = {f'"{ref}"': dict.fromkeys(contracts[ref].column_names, "VARCHAR") for ref in mart.refs}
    try:
        tree = qualify(parse(mart), dialect="duckdb", schema=schema)
    except OptimizeError as error:
        told = "; ".join(f"{ref}: {', '.join(contracts[ref].column_names)}" for ref in mart.refs)
        raise MartError(f"{mart.file}: {error}. Columns that there are: {told}.") from None
    root = build_scope(tree)
    found = tree.named_selects
    if sorted(found) != sorted(mart.contract.column_names):
        raise MartError(
            f"{mart.file}: the SELECT gives {', '.join(found)}; the header's columns are "
            f"{', '.join(mart.contract.column_names)}. Remedy: make them the same."
        )
    known: dict[tuple[int, str], frozenset[Source]] = {}
    return {name: sorted(_sources(root, name, known)) for name in mart.contract.column_names} if root else {}


def _sources(scope: "Scope", name: str, known: dict[tuple[int, str], frozenset[Source]]) -> frozenset[Source]:
    place = (id(scope), name)
    if place not in known:
        if scope.set_operation_scopes:
            position = _selected(scope).index(name)
            parts = [_sources(one, _selected(one)[position], known) for one in scope.set_operation_scopes]
        else:
            parts = [_of_column(scope, column, known) for column in _columns(scope, name)]
        known[place] = frozenset().union(*parts)
    return known[place]


def _selected(scope: "Scope") -> list[str]:
    names: list[str] = scope.expression.named_selects  # type: ignore[attr-defined]  # a scope is of a query
    return names


def _columns(scope: "Scope", name: str) -> "list[exp.Column]":
    from sqlglot import exp  # noqa: PLC0415 - as above

    projections = scope.expression.selects  # type: ignore[attr-defined]  # as above
    projection = next(one for one in projections if one.alias_or_name == name)
    return list(projection.find_all(exp.Column))


def _of_column(
    scope: "Scope", column: "exp.Column", known: dict[tuple[int, str], frozenset[Source]]
) -> frozenset[Source]:
    from sqlglot import exp  # noqa: PLC0415 - as above

    source = scope.sources.get(column.table)
    if isinstance(source, exp.Table):
        return frozenset({(source.name, column.name)})
    return _sources(source, column.name, known) if source is not None else frozenset()

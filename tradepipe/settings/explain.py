"""From pydantic's validation errors to faults with file, line, key path, found and expected."""

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tradepipe.settings.faults import Fault, fault, shown, suggestion
from tradepipe.settings.nodes import KeyPath, Node, dotted, find, plain
from tradepipe.settings.schema import expectation, kinds, known_keys, schema_at

_MARKET_DEPTH = 2
_WORD = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_KEY = "[key]"


def explain(error: ValidationError, tree: Node) -> list[Fault]:
    """Faults for everything pydantic refused.

    Args:
        error: What `Settings.model_validate` raised on the tree's plain values.
        tree: The merged configuration.

    Returns:
        One fault per cause: what is wrong in `market_defaults` is said once, not once per market.
    """
    return [_explain(details, tree) for details in error.errors(include_url=False)]


def _explain(details: ErrorDetails, tree: Node) -> Fault:
    path: KeyPath = details["loc"]
    is_key = bool(path) and path[-1] == _KEY
    path = path[:-1] if is_key else path
    node, rest = find(tree, path)
    # Said in market_defaults: name the key where it was written, not where it was merged into.
    said = (*node.path, *rest) if node.path[:1] == ("market_defaults",) else path
    kind = details["type"]
    if kind == "missing":
        if node.path[:1] == ("market_defaults",):
            node, said = find(tree, path[:_MARKET_DEPTH])[0], path
        schema = schema_at(path)
        return fault(node.origin, said, "nothing", expectation(schema) if schema else "a value")
    if kind == "extra_forbidden" or (is_key and kind == "literal_error"):
        section = schema_at(path[:-1])
        known = known_keys(section) if section else []
        expected = f"one of {', '.join(known)}{suggestion(str(path[-1]), known)}"
        return fault(node.origin, said, "an unknown key", expected)
    if is_key:
        expected = f"a key that is {details['msg'].removeprefix('String should ').replace('match', 'text matching')}"
        return fault(node.origin, said, f"the key {shown(path[-1])}", expected)
    if kind == "value_error":
        return _broken_rule(str(details.get("ctx", {}).get("error", details["msg"])), node, path, said, tree)
    schema = schema_at(path)
    expected = expectation(schema) if schema else details["msg"].removeprefix("Input should be ")
    return fault(node.origin, said, shown(details["input"]), expected)


def _broken_rule(rule: str, node: Node, path: KeyPath, said: KeyPath, tree: Node) -> Fault:
    """A rule of ours: on a single value, or between the keys of a section that its text names."""
    if not node.keys:
        return Fault(node.origin, dotted(said), f"found {shown(plain(node))}, expected: {rule}")
    named = []
    found = []
    for word in dict.fromkeys(_WORD.findall(rule)):
        steps = tuple(word.split("."))
        schema = schema_at((*path, *steps))
        if schema is None:
            continue
        value, rest = find(tree, (*path, *steps))
        if rest:
            found.append(f"{word} {shown(schema.get('default'))} by default")
        else:
            named.append(value)
            found.append(f"{word} {shown(plain(value))} ({value.origin})")
    # The place to look first is what this market itself said, then what it inherited.
    named.sort(key=lambda value: value.path[:1] == ("market_defaults",))
    origin = named[0].origin if named else node.origin
    return Fault(origin, dotted(path), f"found {', '.join(found) or shown(plain(node))}, expected otherwise: {rule}")


def prepare(node: Node, faults: list[Fault], path: KeyPath = ()) -> Node:
    """Resolve relative paths against where they were said, and refuse values whose meaning would be a guess.

    pydantic reads `true` as the number 1, 60 as sixty seconds or as a moment in 1970, and "inf" as a number. Where
    the schema asks for a number, a duration or a date, those are refused here.

    Args:
        node: The merged configuration, or a part of it.
        faults: Receives a fault for each refused value.
        path: Where the part belongs.

    Returns:
        The same tree with absolute paths.
    """
    if isinstance(node.content, Mapping):
        return replace(node, content={key: prepare(child, faults, (*path, key)) for key, child in node.content.items()})
    if isinstance(node.content, list):
        items = [prepare(child, faults, (*path, index)) for index, child in enumerate(node.content)]
        return replace(node, content=items)
    schema = schema_at(path)
    if schema is None:
        return node
    wanted = kinds(schema)
    if "path" in wanted and isinstance(node.content, str | Path) and node.origin.folder is not None:
        try:
            resolved = node.origin.folder / Path(node.content).expanduser()
        except RuntimeError:
            faults.append(fault(node.origin, path, shown(node.content), "a path whose ~ names a user of this machine"))
            return node
        return replace(node, content=resolved)
    if _is_a_guess(node.content, wanted):
        faults.append(fault(node.origin, path, shown(node.content), expectation(schema)))
    return node


def _is_a_guess(value: object, wanted: set[str]) -> bool:
    if wanted & {"date", "duration"}:
        return _number(value) is not None
    if wanted & {"number", "integer"}:
        number = _number(value)
        return isinstance(value, bool) or (number is not None and not math.isfinite(number))
    return False


def _number(value: object) -> float | None:
    if isinstance(value, dt.timedelta | dt.date) or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None

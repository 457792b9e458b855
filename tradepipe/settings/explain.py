"""From pydantic's validation errors to faults with file, line, key path, found and expected."""

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tradepipe.settings.faults import Fault, closest, fault, shown, suggestion
from tradepipe.settings.nodes import KeyPath, Node, dotted, find, plain
from tradepipe.settings.schema import expectation, key_expectation, kinds, known_keys, schema_at

_MARKET_DEPTH = 2
_WORD = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_KEY = "[key]"
_UNKNOWN = "extra_forbidden"
_DEFAULTS = ("market_defaults",)


_REFUSED = object()


def explain(error: ValidationError, tree: Node) -> list[Fault]:
    """Faults for everything pydantic refused.

    Args:
        error: What `Settings.model_validate` raised on the tree's plain values.
        tree: The merged configuration.

    Returns:
        One fault per cause: what is wrong in `market_defaults` is said once, not once per market, and a misspelt
        required key is not missing as well.
    """
    details = error.errors(include_url=False)
    meant = {(*loc[:-1], _meant(loc)) for loc in (item["loc"] for item in details if item["type"] == _UNKNOWN)}
    faults = [_explain(item, tree) for item in details if item["type"] != "missing" or item["loc"] not in meant]
    return list(dict.fromkeys(faults))


def _meant(path: KeyPath) -> str | None:
    section = schema_at(path[:-1])
    return closest(str(path[-1]), known_keys(section)) if section else None


def _said(node: Node, rest: KeyPath, path: KeyPath) -> KeyPath:
    """The key as it was written: below market_defaults, where it was not yet merged into a market."""
    return (*node.path, *rest) if node.path[:1] == _DEFAULTS else path


def _explain(details: ErrorDetails, tree: Node) -> Fault:
    path: KeyPath = details["loc"]
    kind = details["type"]
    if path[-1:] == (_KEY,):
        path = path[:-1]
        kind = _UNKNOWN if kind == "literal_error" else _KEY
    elif kind == "missing" and isinstance(path[-1], int):
        # A list that is too short is at fault as a whole.
        path, kind = path[:-1], "too_short"
    node, rest = find(tree, path)
    said = _said(node, rest, path)
    schema = schema_at(path)
    section = schema_at(path[:-1]) or {}
    if kind == "missing":
        if said != path:
            # The defaults need not be complete; the market is what lacks the key.
            node = find(tree, path[:_MARKET_DEPTH])[0]
        return fault(node.origin, path, "nothing", expectation(schema) if schema else "a value")
    if kind == _UNKNOWN:
        known = known_keys(section)
        expected = f"one of {', '.join(known)}{suggestion(str(path[-1]), known)}"
        return fault(node.origin, said, "an unknown key", expected)
    if kind == _KEY:
        return fault(node.origin, said, f"the key {shown(path[-1])}", key_expectation(section))
    if kind == "value_error":
        return _broken_rule(str(details["ctx"]["error"]), node, path, said, tree)
    return fault(node.origin, said, shown(plain(node)), expectation(schema) if schema else details["msg"])


def _broken_rule(rule: str, node: Node, path: KeyPath, said: KeyPath, tree: Node) -> Fault:
    """A rule of the models': on a single value, or between the keys of a section that its text names."""
    named = []
    found = []
    for word in dict.fromkeys(_WORD.findall(rule)) if node.keys else ():
        keys = (*path, *word.split("."))
        schema = schema_at(keys)
        if schema is None:
            continue
        value, rest = find(tree, keys)
        if rest:
            found.append(f"{word} {shown(schema.get('default'))} (default)")
        else:
            named.append(value)
            found.append(f"{word} {shown(plain(value))} ({value.origin})")
    # The place to look first is what the market itself said, then what it inherited.
    named.sort(key=lambda value: value.path[:1] == _DEFAULTS)
    origin = named[0].origin if named else node.origin
    what = " and ".join(found) or shown(plain(node))
    return Fault(origin, dotted(said), f"found {what}, refused because {rule}")


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
    wanted = kinds(schema) if schema is not None else set()
    if "path" in wanted and isinstance(node.content, str | Path):
        return _absolute(node, faults, path)
    if schema is not None and _is_a_guess(node.content, wanted):
        faults.append(fault(node.origin, _said(node, (), path), shown(node.content), expectation(schema)))
        # Nothing a model accepts: no rule between keys then judges the guess.
        return replace(node, content=_REFUSED)
    return node


def _absolute(node: Node, faults: list[Fault], path: KeyPath) -> Node:
    try:
        return replace(node, content=(node.origin.folder or Path()) / Path(str(node.content)).expanduser())
    except RuntimeError:
        faults.append(fault(node.origin, path, shown(node.content), "a path whose ~ names a user of this machine"))
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

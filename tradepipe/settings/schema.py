"""The settings models' JSON schema as the source of "expected …": which keys exist, what each may be."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from tradepipe.settings.models import Settings
from tradepipe.settings.nodes import KeyPath

Schema = Mapping[str, Any]

_BOUNDS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "below"),
)
_FORMATS = {
    "path": "a path",
    "date": "a date such as 2018-12-31",
    "duration": "an ISO 8601 duration such as PT30M or P1D",
}


@cache
def root_schema() -> Schema:
    """The JSON schema of the whole configuration; building it takes about 10 ms, so it is built once."""
    return Settings.model_json_schema()


def _branches(schema: Schema) -> Iterator[Schema]:
    """The schema with references followed; each alternative of a union by itself."""
    if "$ref" in schema:
        yield from _branches(root_schema()["$defs"][schema["$ref"].rpartition("/")[2]])
        return
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if not alternatives:
        yield schema
    for alternative in alternatives:
        yield from _branches(alternative)


def known_keys(schema: Schema) -> list[str]:
    """Keys a mapping of this schema may have; empty when any name will do, or when it is no mapping."""
    return [
        key
        for branch in _branches(schema)
        for key in [*branch.get("properties", ()), *branch.get("propertyNames", {}).get("enum", ())]
    ]


def has_free_keys(schema: Schema) -> bool:
    """Whether the keys are names of the user's choice, as those of `markets` are."""
    return any(branch.get("type") == "object" for branch in _branches(schema)) and not known_keys(schema)


def _below(schema: Schema, step: str | int) -> Schema | None:
    for branch in _branches(schema):
        if isinstance(step, int):
            items = branch.get("prefixItems", ())
            found = items[step] if step < len(items) else branch.get("items")
        elif "enum" in branch.get("propertyNames", {}) and step not in branch["propertyNames"]["enum"]:
            found = None
        else:
            by_pattern = next(iter(branch.get("patternProperties", {}).values()), branch.get("additionalProperties"))
            found = branch.get("properties", {}).get(step, by_pattern)
        if isinstance(found, Mapping):
            return found
    return None


def schema_at(path: KeyPath) -> Schema | None:
    """Schema of the value at a key path of `Settings`, or None when there is no such key."""
    schema: Schema | None = root_schema()
    for step in path:
        schema = _below(schema, step) if schema is not None else None
    return schema


def kinds(schema: Schema) -> set[str]:
    """JSON types and formats the value may have, e.g. {"string", "path", "null"}."""
    return {branch[key] for branch in _branches(schema) for key in ("type", "format") if key in branch}


def key_paths(names: Mapping[KeyPath, Iterable[str]], path: KeyPath = ()) -> Iterator[KeyPath]:
    """All key paths below `path`, sections included.

    Args:
        names: The names in use where they are free, e.g. `{("markets",): ["us_indices"]}`.
        path: Where to start.
    """
    schema = schema_at(path)
    if schema is None:
        return
    if path:
        yield path
    for key in known_keys(schema) or (names.get(path, ()) if has_free_keys(schema) else ()):
        yield from key_paths(names, (*path, key))


def expectation(schema: Schema) -> str:
    """What a value must be, in words: `a whole number, at least 1 and at most 60 (bars ahead)`."""
    branches = list(_branches(schema))
    texts = [_branch_text(branch) for branch in branches if branch.get("type") != "null"]
    # Decimal is "number or string" to JSON; to a person it is a number.
    text = texts[0] if "number" in kinds(schema) else " or ".join(texts)
    if "null" in kinds(schema):
        text += " or null"
    description = schema.get("description")
    return f"{text} ({description})" if description else text


def key_expectation(schema: Schema) -> str:
    """What the keys of a mapping with free keys must look like."""
    for branch in _branches(schema):
        for pattern in branch.get("patternProperties", ()):
            longest = branch.get("propertyNames", {}).get("maxLength")
            return f"a name that matches {pattern}" + (f", at most {longest} characters" if longest else "")
    return "another name"


def _branch_text(branch: Schema) -> str:
    match branch:
        case {"enum": words}:
            text = f"one of {', '.join(map(str, words))}"
        case {"const": word}:
            text = f"'{word}'"
        case {"type": "boolean"}:
            text = "true or false"
        case {"type": "integer" | "number"}:
            noun = "a whole number" if branch["type"] == "integer" else "a number"
            bounds = [f"{words} {branch[key]:g}" for key, words in _BOUNDS if key in branch]
            text = ", ".join(filter(None, (noun, " and ".join(bounds))))
        case {"type": "string"}:
            text = _FORMATS.get(branch.get("format", ""), "text")
            text += f" that matches {branch['pattern']}" if "pattern" in branch else ""
            text += f", at most {branch['maxLength']} characters" if "maxLength" in branch else ""
        case {"type": "array"}:
            text = _array_text(branch)
        case {"type": "object"}:
            keys = known_keys(branch)
            text = f"a mapping with {', '.join(keys)}" if keys else "a mapping"
        case _:
            text = "a value"
    return text


def _array_text(branch: Schema) -> str:
    if "prefixItems" in branch:
        items = [expectation(item) for item in branch["prefixItems"]]
        same = len(set(items)) == 1
        return f"a list of {len(items)}, each {items[0]}" if same else f"a list of {', '.join(items)}"
    return f"a list, each {expectation(branch['items'])}" if "items" in branch else "a list"

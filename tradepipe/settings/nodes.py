"""Configuration values that remember where they were said, and how layers of them merge."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was said: a file and its line, an environment variable, a call's argument.

    `folder` is what a relative path said there is relative to.
    """

    source: str
    line: int | None = None
    folder: Path | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its origin.

    `content` is a dict of nodes by key, a list of nodes, or a scalar. `path` is the key path under which the value
    was said; it differs from the place in `Settings` only for `market_defaults`.
    """

    content: object
    origin: Origin
    path: KeyPath = ()

    @property
    def keys(self) -> Mapping[str, "Node"]:
        """The nodes by key; empty when this is no mapping."""
        return self.content if isinstance(self.content, dict) else {}


def dotted(path: KeyPath) -> str:
    """Key path as a person writes it: `markets.us_indices.indicators[2]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def node_of(value: object, origin: Origin, path: KeyPath = ()) -> Node:
    """Wrap a plain nested value; everything in it has the same origin."""
    if isinstance(value, Mapping):
        return Node({str(key): node_of(item, origin, (*path, str(key))) for key, item in value.items()}, origin, path)
    if isinstance(value, list | tuple):
        return Node([node_of(item, origin, (*path, index)) for index, item in enumerate(value)], origin, path)
    return Node(value, origin, path)


def plain(node: Node) -> object:
    """The nested dicts, lists and scalars, without origins."""
    if isinstance(node.content, dict):
        return {key: plain(child) for key, child in node.content.items()}
    if isinstance(node.content, list):
        return [plain(child) for child in node.content]
    return node.content


def merge(under: Node, over: Node) -> Node:
    """Lay `over` on `under`: mappings merge key by key, everything else (lists too) is replaced whole.

    A merged mapping keeps the origin of the layer that first opened it, so that a fault of the whole section points
    at its definition and not at the one variable that adjusted it.
    """
    if not (isinstance(under.content, dict) and isinstance(over.content, dict)):
        return over
    merged = dict(under.content)
    for key, node in over.content.items():
        merged[key] = merge(merged[key], node) if key in merged else node
    return replace(under, content=merged)


def find(node: Node, path: KeyPath) -> tuple[Node, KeyPath]:
    """The deepest node on the way to `path`, and what is left of the path below it (empty: found exactly)."""
    for index, step in enumerate(path):
        match node.content:
            case dict() as children if step in children:
                node = children[step]
            case list() as items if isinstance(step, int) and step < len(items):
                node = items[step]
            case _:
                return node, path[index:]
    return node, ()


def leaves(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Every value that is no mapping, with its place below `node`; a list is one leaf, so is an empty mapping."""
    if isinstance(node.content, dict) and node.content:
        for key, child in node.content.items():
            yield from leaves(child, (*path, key))
    else:
        yield path, node

"""YAML files with line numbers, includes, and no silent surprises.

Stricter than PyYAML on purpose. A key said twice is refused (PyYAML keeps the last). Only what YAML 1.2 calls a
number, a truth value or a date is read as one: `1:30`, `010`, `on` and `no` stay text (PyYAML makes them 90, 8, true
and false). Anchors, aliases and merge keys are refused: what is shared is said in `market_defaults` or included.
"""

import os
import re
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import yaml

from tradepipe.settings.faults import Fault, fault, shown
from tradepipe.settings.nodes import KeyPath, Node, Origin, merge, plain

INCLUDE = "include"


_SHARE = "values are shared through market_defaults or an included file"


class _UnreadableError(Exception):
    """A file that yields no mapping at all."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the implicit types of YAML 1.2's core schema, plus dates, and without aliases."""

    # PyYAML reads the class's own table, although its stubs declare an instance's.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - see above

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError("an alias", None, _SHARE, event.start_mark)
        return super().compose_node(parent, index)


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+)$", list("-+.0123456789")),
    ("timestamp", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", list("0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def display(path: Path) -> str:
    """The path as messages show it: relative to the current directory when inside it, else absolute."""
    here = Path.cwd()
    path = Path(os.path.normpath(path.absolute()))
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


class Reader:
    """Reads configuration files; collects faults and goes on, so that all of them can be reported together."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.files: list[Path] = []

    def read(self, file: Path, path: KeyPath = ()) -> Node | None:
        """Read a file whose keys live under `path` of the configuration, with everything it includes underneath.

        Args:
            file: A YAML file holding one mapping. Its `include` key, a file name or a list of them relative to
                the file's folder, names files that are merged under it, later ones over earlier ones.
            path: Where the file's keys belong, e.g. `("markets", "us_indices")`.

        Returns:
            The merged mapping, or None when something was wrong; `faults` then says what.
        """
        return self._read(file, path, ())

    def _read(self, file: Path, path: KeyPath, chain: tuple[Path, ...]) -> Node | None:
        file = file.absolute()
        if file not in self.files:
            self.files.append(file)
        root = Origin(display(file), folder=file.parent)
        node = self._parse(file, root, path)
        if node is None:
            return None
        include = node.keys.get(INCLUDE)
        if include is None:
            return node
        under = Node({}, node.origin, path)
        chain = (*chain, file.resolve())
        for name in include.content if isinstance(include.content, list) else [include]:
            included = self._include(name, file, path, chain)
            if included is not None:
                under = merge(under, included)
        own = {key: child for key, child in node.keys.items() if key != INCLUDE}
        return merge(under, replace(node, content=own))

    def _include(self, name: Node, file: Path, path: KeyPath, chain: tuple[Path, ...]) -> Node | None:
        if not isinstance(name.content, str):
            expected = "a file name relative to this file's folder, or a list of them"
            self.faults.append(fault(name.origin, (*path, INCLUDE), shown(name.content), expected))
            return None
        target = file.parent / name.content
        if not target.is_file():
            self.faults.append(fault(name.origin, (*path, INCLUDE), shown(name.content), "an existing file"))
            return None
        if target.resolve() in chain:
            ring = " -> ".join(link.name for link in (*chain[chain.index(target.resolve()) :], target))
            expected = "includes without a cycle"
            self.faults.append(fault(name.origin, (*path, INCLUDE), f"a cycle {ring}", expected))
            return None
        return self._read(target, path, chain)

    def _parse(self, file: Path, root: Origin, path: KeyPath) -> Node | None:
        """One file without its includes: nodes with lines, or None and faults."""
        before = len(self.faults)
        try:
            text = _text(file, root)
            loader = _Loader(text)
            top = loader.get_single_node()
            node = self._node(loader, top, root, path, top.start_mark.line + 1) if top else Node(None, root)
            _expect_mapping(node, root, path)
        except _UnreadableError as error:
            self.faults.append(error.fault)
        except yaml.reader.ReaderError as error:
            origin = replace(root, line=text.count("\n", 0, int(error.position)) + 1)
            self.faults.append(fault(origin, (), f"the character U+{int(error.character):04X}", "printable text"))
        except yaml.MarkedYAMLError as error:
            self.faults.append(_syntax_fault(error, root))
        except RecursionError:
            self.faults.append(fault(root, (), "lists or mappings nested too deeply", "a few levels"))
        return node if len(self.faults) == before else None

    def _node(self, loader: _Loader, node: yaml.Node, root: Origin, path: KeyPath, line: int) -> Node:
        """Nodes of ours from PyYAML's; a value's line is its key's."""
        origin = replace(root, line=line)
        if isinstance(node, yaml.SequenceNode):
            items = [
                self._node(loader, item, root, (*path, index), item.start_mark.line + 1)
                for index, item in enumerate(node.value)
            ]
            return Node(items, origin, path)
        if isinstance(node, yaml.MappingNode):
            return Node(self._mapping(loader, node, root, path), origin, path)
        return Node(_scalar(loader, node), origin, path)

    def _mapping(self, loader: _Loader, node: yaml.MappingNode, root: Origin, path: KeyPath) -> dict[str, Node]:
        children: dict[str, Node] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = _scalar(loader, key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                found = shown(key) if isinstance(key_node, yaml.ScalarNode) else "a list or mapping"
                self.faults.append(fault(replace(root, line=line), path, f"the key {found}", "text as key"))
                continue
            child = self._node(loader, value_node, root, (*path, key), line)
            if key in children:
                first = children[key].origin.line
                found = f"the key a second time (first on line {first})"
                self.faults.append(fault(child.origin, child.path, found, "each key once"))
                continue
            children[key] = child
        return children


def _text(file: Path, root: Origin) -> str:
    try:
        raw = file.read_bytes()
        return raw.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise _UnreadableError(fault(root, (), "no such file", "a YAML file")) from error
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror})"
        raise _UnreadableError(fault(root, (), found, "a YAML file")) from error
    except UnicodeDecodeError as error:
        origin = replace(root, line=raw.count(b"\n", 0, error.start) + 1)
        raise _UnreadableError(fault(origin, (), f"byte 0x{raw[error.start]:02x}", "UTF-8 text")) from error


def _expect_mapping(node: Node, root: Origin, path: KeyPath) -> None:
    if isinstance(node.content, dict):
        return
    found = "an empty file" if node.content is None else shown(plain(node))
    origin = replace(root, line=node.origin.line or 1)
    raise _UnreadableError(fault(origin, path, found, "a mapping of keys to values"))


def _scalar(loader: _Loader, node: yaml.Node) -> Hashable:
    """The scalar's value; what looks like a date but is none (1999-13-45) stays text, for the model to refuse."""
    try:
        value: Hashable = loader.construct_object(node, deep=True)
    except ValueError:
        return str(node.value)
    return value


def _syntax_fault(error: yaml.MarkedYAMLError, root: Origin) -> Fault:
    mark = error.problem_mark or error.context_mark
    origin = replace(root, line=mark.line + 1 if mark else None)
    if isinstance(error, yaml.constructor.ConstructorError):
        return fault(origin, (), "a tag (!name)", "plain text, numbers, dates, lists and mappings")
    if error.problem == _SHARE:
        return fault(origin, (), "an alias (*name)", f"its value; {_SHARE}")
    problem = ", ".join(filter(None, (error.context, error.problem)))
    if error.context_mark and mark and error.context_mark.line != mark.line:
        problem += f"; it began on line {error.context_mark.line + 1}"
    return fault(origin, (), f"a fault of syntax ({problem})", "YAML")

"""From files, environment variables and arguments to one validated `Settings`, with the origin of every value.

Merge order, later wins; mappings merge key by key, lists and scalars are replaced whole:

| # | layer | says |
|---|---|---|
| 1 | built in | `home`, and the defaults of the models |
| 2 | `conf/base.yaml` | what holds everywhere; its `market_defaults` go under each market |
| 3 | `conf/{dev,test,prod}.yaml` | the overlay of the environment; its `market_defaults` go over the base's |
| 4 | `conf/markets/NAME.yaml` | one market, over `market_defaults` |
| 5 | the overlay's `markets.NAME` | adjusts that market in that environment |
| 6 | `TRADEPIPE_...` variables | `__` between the keys, the more specific variable wins |
| 7 | arguments | `overrides`, then `environment` |

Any file may `include` others, which are merged under it. The environment is the argument's, else the overrides',
else `TRADEPIPE_ENVIRONMENT`, else the base file's, else `dev`.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from tradepipe.paths import conf_folder, default_home
from tradepipe.settings.environment import read_environment, setting_variables
from tradepipe.settings.explain import explain, prepare
from tradepipe.settings.faults import Fault, SettingsError, fault, mask, shown, suggestion
from tradepipe.settings.files import Reader, display
from tradepipe.settings.models import Environment, Settings
from tradepipe.settings.nodes import KeyPath, Node, Origin, dotted, find, merge, node_of, plain

_DEFAULTS = "market_defaults"
_MARKETS = "markets"
_SELECTOR = "TRADEPIPE_ENVIRONMENT"
_BUILT_IN = "default"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The validated configuration and where it came from.

    `provenance` has an entry for every leaf key path: `conf/base.yaml:12`, `environment TRADEPIPE_HOME`, `override`
    or `default`. `files` are the files that were read.
    """

    settings: Settings
    provenance: Mapping[str, str]
    conf: Path
    files: tuple[Path, ...]


def load_settings(
    conf: Path | None = None,
    environment: str | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """The validated configuration; see `load` for arguments and errors."""
    return load(conf, environment, environ, overrides).settings


def load(
    conf: Path | None = None,
    environment: str | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Loaded:
    """Read, merge and validate the configuration.

    Args:
        conf: Folder with base.yaml, the overlays and markets/; default: `TRADEPIPE_CONF`, else the project's own.
        environment: `dev`, `test` or `prod`, before every other way of choosing.
        environ: Environment variables; default: the process's.
        overrides: Values over everything else, nested as in the files or with dotted keys (`store.grace`).

    Relative paths in a file are relative to that file's folder, elsewhere to the current directory.

    Raises:
        SettingsError: Something is wrong; the message lists every fault with file, line and key path.
    """
    environ = os.environ if environ is None else environ
    folder, said = _conf_folder(conf, environ)
    if not folder.is_dir():
        raise SettingsError([fault(said, (), f"no folder '{display(folder)}'", "a folder with base.yaml and markets/")])
    reader = Reader()
    arguments = _arguments(overrides, environment)
    base = reader.read(folder / "base.yaml")
    selected = _environment(base, environ, arguments)
    overlay = _overlay(reader, folder, selected)
    shared = [layer for layer in (base, overlay) if layer is not None]
    markets, files = _market_files(reader, folder)
    named = {name for layer in shared for name in _section(layer, _MARKETS).keys}
    variables, faults = read_environment(environ, {*files, *named})
    faults.extend(_section_faults([*shared, *variables, arguments]))
    if reader.faults or faults:
        # What a broken file did not say would be reported as missing: stop before those false alarms.
        raise SettingsError([*reader.faults, *faults])

    tree = node_of({"home": default_home()}, Origin(_BUILT_IN))
    for layer in shared:
        tree = merge(tree, _without(layer, _DEFAULTS, _MARKETS))
    tree = merge(tree, Node({_MARKETS: _merged_markets(shared, markets)}, Origin(display(folder / _MARKETS))))
    for layer in (*variables, arguments):
        tree = merge(tree, layer)
    tree, faults = _known_markets(tree, files)
    tree = prepare(_over_defaults(tree, shared), faults)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(plain(tree))
    except ValidationError as error:
        already = {(fault.origin, fault.key) for fault in faults}
        faults.extend(fault for fault in explain(error, tree) if (fault.origin, fault.key) not in already)
    if faults or settings is None:
        raise SettingsError(faults)
    origins = {dotted(path): str(_origin(tree, path)) for path, _ in _leaf_values(settings)}
    return Loaded(settings, origins, folder, tuple(reader.files))


def provenance_rows(loaded: Loaded) -> list[tuple[str, str, str]]:
    """(key path, value, origin) of every setting, in the models' order; passwords in URLs are masked."""
    return [
        (dotted(path), mask(value if isinstance(value, str) else json.dumps(value)), loaded.provenance[dotted(path)])
        for path, value in _leaf_values(loaded.settings)
    ]


def _conf_folder(conf: Path | None, environ: Mapping[str, str]) -> tuple[Path, Origin]:
    if conf is not None:
        return conf, Origin("argument conf")
    if environ.get("TRADEPIPE_CONF"):
        folder = os.path.expanduser(environ["TRADEPIPE_CONF"])  # noqa: PTH111 - leaves an unknown ~user as it is
        return Path(folder), Origin("environment TRADEPIPE_CONF")
    return conf_folder(), Origin(_BUILT_IN)


def _arguments(overrides: Mapping[str, object] | None, environment: str | None) -> Node:
    origin = Origin("override", folder=Path.cwd())
    layer = Node({}, origin)
    for key, value in (overrides or {}).items():
        nested: object = value
        for step in reversed(key.split(".")):
            nested = {step: nested}
        layer = merge(layer, node_of(nested, origin))
    if environment is not None:
        layer = merge(layer, node_of({"environment": environment}, Origin("argument environment")))
    return layer


def _environment(base: Node | None, environ: Mapping[str, str], arguments: Node) -> Node:
    """The chosen environment's name, as the node that chose it."""
    if "environment" in arguments.keys:
        return arguments.keys["environment"]
    variables = setting_variables(environ)
    if _SELECTOR in variables:
        return Node(variables[_SELECTOR], Origin(f"environment {_SELECTOR}"))
    default = Node(Settings.model_fields["environment"].default, Origin(_BUILT_IN))
    return default if base is None else base.keys.get("environment", default)


def _overlay(reader: Reader, folder: Path, selected: Node) -> Node | None:
    known = get_args(Environment)
    if selected.content not in known:
        close = suggestion(str(selected.content), known)
        expected = f"one of {', '.join(known)}{close}"
        reader.faults.append(fault(selected.origin, ("environment",), shown(selected.content), expected))
        return None
    file = folder / f"{selected.content}.yaml"
    if not file.is_file():
        found = f"{shown(selected.content)} without an overlay"
        reader.faults.append(fault(selected.origin, ("environment",), found, f"a file {display(file)}"))
        return None
    overlay = reader.read(file)
    own = overlay.keys.get("environment", selected) if overlay else selected
    if own.content != selected.content:
        expected = f"'{selected.content}', the file's name"
        reader.faults.append(fault(own.origin, ("environment",), shown(own.content), expected))
    return overlay


def _market_files(reader: Reader, folder: Path) -> tuple[dict[str, Node], list[str]]:
    """The markets that could be read by name, and the names of all files."""
    markets: dict[str, Node] = {}
    names = []
    for file in sorted((folder / _MARKETS).glob("*")):
        if file.name.startswith(".") or file.is_dir():
            continue
        if file.suffix != ".yaml":
            origin = Origin(display(file))
            reader.faults.append(fault(origin, (), f"a file ending in '{file.suffix}'", "NAME.yaml, one a market"))
            continue
        names.append(file.stem)
        market = reader.read(file, (_MARKETS, file.stem))
        if market is not None:
            markets[file.stem] = market
    return markets, names


def _section(layer: Node, key: str) -> Node:
    return layer.keys.get(key, Node({}, layer.origin))


def _without(layer: Node, *keys: str) -> Node:
    return replace(layer, content={key: node for key, node in layer.keys.items() if key not in keys})


def _section_faults(layers: list[Node]) -> Iterator[Fault]:
    """The two sections that are taken apart before the models see them."""
    for layer in layers:
        for key in (_DEFAULTS, _MARKETS):
            section = _section(layer, key)
            if not isinstance(section.content, dict):
                yield fault(section.origin, (key,), shown(plain(section)), "a mapping")


def _merged_markets(shared: list[Node], files: Mapping[str, Node]) -> Node:
    """Each market: the base's entry, the market's file, the overlay's entry."""
    base, *overlays = shared
    merged = merge(_section(base, _MARKETS), Node(dict(files), base.origin))
    for overlay in overlays:
        merged = merge(merged, _section(overlay, _MARKETS))
    return merged


def _over_defaults(tree: Node, shared: list[Node]) -> Node:
    """The tree with the base's and the overlay's market_defaults under each market, whoever defined it."""
    defaults = Node({}, Origin(_BUILT_IN))
    for layer in shared:
        defaults = merge(defaults, _section(layer, _DEFAULTS))
    markets = _section(tree, _MARKETS)
    filled = {
        key: replace(merge(defaults, market), origin=market.origin, path=market.path)
        for key, market in markets.keys.items()
    }
    return replace(tree, content={**tree.keys, _MARKETS: replace(markets, content=filled)})


def _known_markets(tree: Node, files: Collection[str]) -> tuple[Node, list[Fault]]:
    """The tree without adjustments of markets that nobody defined; a fault for those and for every misnamed market.

    A file of conf/markets/ defines a market, and so does an entry elsewhere that gives a `name`.
    """
    faults = []
    markets = _section(tree, _MARKETS)
    defined = [key for key, market in markets.keys.items() if key in files or "name" in market.keys]
    for key, market in markets.keys.items():
        path: KeyPath = (_MARKETS, key)
        if key not in defined:
            expected = f"one of {', '.join(defined) or 'none'}{suggestion(key, defined)}"
            faults.append(fault(market.origin, path, "a market that no file defines", expected))
        name = market.keys.get("name")
        if name is not None and name.content != key:
            expected = f"'{key}', as the file is named" if key in files else f"'{key}', as its key"
            faults.append(fault(name.origin, (*path, "name"), shown(name.content), expected))
    kept = {key: market for key, market in markets.keys.items() if key in defined}
    return replace(tree, content={**tree.keys, _MARKETS: replace(markets, content=kept)}), faults


def _origin(tree: Node, path: KeyPath) -> Origin:
    node, rest = find(tree, path)
    # A value below a leaf belongs to it (a whole section given as one object); below a mapping nobody said it.
    return Origin(_BUILT_IN) if rest and isinstance(node.content, dict) else node.origin


def _leaf_values(settings: Settings) -> Iterator[tuple[KeyPath, object]]:
    """Key path and JSON value (durations in ISO 8601, Decimals as text) of every leaf; a list is one leaf."""

    def walk(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                yield from walk(item, (*path, key))
        else:
            yield path, value

    return walk(settings.model_dump(mode="json"), ())

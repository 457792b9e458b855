"""Settings from environment variables: `TRADEPIPE_STORE__GRACE=P1D` sets `store.grace`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from tradepipe.settings.faults import Fault, closest, fault, shown
from tradepipe.settings.models import Settings
from tradepipe.settings.nodes import KeyPath, Node, Origin, node_of
from tradepipe.settings.schema import expectation, key_paths, schema_at

PREFIX = "TRADEPIPE_"
SEPARATOR = "__"

NOT_SETTINGS: Mapping[str, str] = {
    "TRADEPIPE_CONF": "another conf folder",
    "TRADEPIPE_DEBUG": "the command line shows tracebacks",
}
"""Variables with our prefix that are no settings, and what they are for."""


def variable_for(path: KeyPath) -> str:
    """The variable that sets a key: `("store", "grace")` -> `TRADEPIPE_STORE__GRACE`."""
    return PREFIX + SEPARATOR.join(str(step).upper() for step in path)


def setting_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Our variables that are meant as settings. An empty value counts as not set, as in a compose file's `X: ${X}`."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in NOT_SETTINGS and value.strip()
    }


def read_environment(environ: Mapping[str, str], markets: Iterable[str]) -> tuple[list[Node], list[Fault]]:
    """One layer per variable, the most specific last, so that it wins.

    Sections and lists are JSON: `TRADEPIPE_MARKETS__US_INDICES__INDICATORS='["sma(20)"]'`.

    Args:
        environ: Usually `os.environ`.
        markets: Names of the markets that exist; a variable can adjust a market, not add one.

    Returns:
        The layers, and a fault for each variable that names no key or cannot be read.
    """
    variables = setting_variables(environ)
    if not variables:
        return [], []
    # pydantic-settings costs 0.1 s to import, and most processes have no such variable.
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError  # noqa: PLC0415 - see above

    # The source only asks the class for its fields; `Settings` is no BaseSettings because loading is done here.
    source = EnvSettingsSource(
        cast("type[BaseSettings]", Settings),
        case_sensitive=False,
        env_prefix=PREFIX,
        env_nested_delimiter=SEPARATOR,
    )
    names: dict[KeyPath, list[str]] = {("markets",): sorted(markets)}
    known = {variable_for(path): path for path in key_paths(names)}
    layers: list[Node] = []
    faults: list[Fault] = []
    for name, value in sorted(variables.items(), key=lambda item: (item[0].count(SEPARATOR), item[0])):
        origin = Origin(f"environment {name}", folder=Path.cwd())
        if name not in known:
            # Compared without the prefix, which would make every pair of names look alike.
            words = {other.removeprefix(PREFIX): other for other in (*known, *NOT_SETTINGS)}
            close = closest(name.removeprefix(PREFIX).upper(), words)
            expected = "one that `tradepipe config show` lists" + (f"; did you mean {words[close]}?" if close else "")
            faults.append(fault(origin, (), "a variable that is no setting", expected))
            continue
        # One variable at a time: a failure then has a name, and each value its origin.
        source.env_vars = {name.lower(): value}
        try:
            layers.append(node_of(source(), origin))
        except SettingsError:
            schema = schema_at(known[name])
            expected = f"JSON for {expectation(schema) if schema else 'the section'}"
            faults.append(fault(origin, known[name], shown(value), expected))
    return layers, faults

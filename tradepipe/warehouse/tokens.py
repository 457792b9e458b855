"""SQL text without its grammar: what `ref()` names, and the text that decides the result.

This much is needed whenever definitions are loaded or staleness is looked at; a parser costs a third
of a second to import. `tradepipe.warehouse.portable` parses, and holds the two together.
"""

import re
from collections.abc import Callable

# Text, quoted names and comments come first, so that a ref() inside one of them is left alone.
_TOKENS = re.compile(
    r"""
      (?P<text>'(?:[^']|'')*' | "(?:[^"]|"")*")
    | (?P<space>(?: \s | --[^\n]* | /\*.*?\*/ )+)
    | \bref\s*\(\s*'(?P<name>[^']*)'\s*\)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def references(sql: str) -> list[str]:
    """What the `ref()`s of `sql` name, each once, in order of appearance."""
    return list(dict.fromkeys(match["name"] for match in _TOKENS.finditer(sql) if match["name"] is not None))


def with_references(sql: str, replacement: Callable[[str], str]) -> str:
    """`sql` with each `ref()` replaced by what `replacement` gives for its name; lines stay as they are."""
    return _TOKENS.sub(lambda match: match[0] if match["name"] is None else replacement(match["name"]), sql)


def normalised(sql: str) -> str:
    """`sql` without comments and with single spaces: what changes nothing else changes no result."""
    return _TOKENS.sub(lambda match: match[0] if match["space"] is None else " ", sql).strip()


def quoted(name: str) -> str:
    """A name as SQL's quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL's literal."""
    return "'" + text.replace("'", "''") + "'"

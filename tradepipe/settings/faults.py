"""What is wrong with a configuration, said once and clearly: where, which key, what was found, what was expected."""

import datetime as dt
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tradepipe.settings.nodes import KeyPath, Origin, dotted

_LONGEST = 80
_USER_INFO = re.compile(r"(\b[a-zA-Z][\w+.-]*://[^:/?#\s]*):\S*@")
_SECRET_PARAMETER = re.compile(r"([?&](?:\w*password|passwd|pwd|secret|token|api_?key)=)[^&\s]*", re.IGNORECASE)


def mask(text: str) -> str:
    """Hide the passwords of URLs: the user part's and those in query parameters.

    Everything up to the last `@` counts as password, because people paste passwords that contain one.
    """
    return _SECRET_PARAMETER.sub(r"\1***", _USER_INFO.sub(r"\1:***@", text))


def shown(value: object) -> str:
    """A found value for a message: short, passwords masked, text in quotes, sections by their keys."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return str(value).lower()
        case Mapping():
            return f"a mapping with {', '.join(map(str, value))}" if value else "an empty mapping"
        case list() | tuple():
            return f"a list of {len(value)}"
        case dt.date():
            return value.isoformat()
    text = mask(str(value))
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return text if isinstance(value, int | float) else f"'{text}'"


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if one is close."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`"; did you mean X?"` when a known word is close, else nothing."""
    close = closest(word, known)
    return f"; did you mean {close}?" if close else ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, at one place; `key` is empty when the whole file is."""

    origin: Origin
    key: str
    problem: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.origin), self.key, self.problem)))


def fault(origin: Origin, path: KeyPath, found: str, expected: str) -> Fault:
    """A fault in the usual words."""
    return Fault(origin, dotted(path), f"found {found}, expected {expected}")


class SettingsError(Exception):
    """The configuration cannot be used; the message lists every fault, by file and line.

    Each line reads `FILE:LINE: KEY.PATH: found …, expected …`; a fault of an environment variable starts with
    `environment NAME` in place of file and line.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        found = sorted(set(faults), key=lambda fault: (fault.origin.source, fault.origin.line or 0, str(fault)))
        self.faults = tuple(found)
        lines = [str(fault) for fault in self.faults]
        text = lines[0] if len(lines) == 1 else "\n  ".join([f"the configuration has {len(lines)} faults:", *lines])
        super().__init__(text)

"""Versions of datasets, ranges of them, and requirements such as `us_indices/bars>=1.0,<2`.

Versions are semantic (semver.org): MAJOR for a change that breaks readers, MINOR for more data or
columns, PATCH for corrected rows. Comparisons are those of `packaging`; `^` and `~` are npm's.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version as Ordered

from tradepipe.datasets.errors import RequirementError

_VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})")
_PARTIAL = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")
_COMPARED = re.compile(r"(?:==|!=|>=|<=|>|<)\d+(?:\.\d+){0,2}|(?:==|!=)\d+(?:\.\d+)?\.\*")
_REQUIREMENT = re.compile(r"(?P<name>[a-z][a-z0-9_]*(?:/[a-z][a-z0-9_.]*)?)\s*(?:@\s*(?P<pin>\S+)|(?P<range>.*))")
_EXPECTED = "expected e.g. 1.2.0, ^1.2, ~1.2.3, 1.*, or >=1.0,<2"


@dataclass(frozen=True, order=True)
class Version:
    """A semantic version without pre-release: what is published is final."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1.2.3`.

        Raises:
            RequirementError: for anything else, `1.2` and `v1.2.3` included.
        """
        found = _VERSION.fullmatch(text)
        if not found:
            raise RequirementError(f"{text!r} is no version; expected three numbers such as 1.2.0")
        return cls(*(int(part) for part in found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def next_patch(self) -> "Version":
        return Version(self.major, self.minor, self.patch + 1)

    @property
    def next_major(self) -> "Version":
        return Version(self.major + 1, 0, 0)


@dataclass(frozen=True)
class Range:
    """Versions that all of its comparisons, parted by commas, hold for; empty or `*` for any."""

    text: str

    @cached_property
    def _specifiers(self) -> SpecifierSet:
        parts = [part.strip() for part in self.text.split(",")] if self.text.strip() not in {"", "*"} else []
        try:
            return SpecifierSet(",".join(_comparisons(part) for part in parts))
        except InvalidSpecifier as error:
            raise RequirementError(f"{self.text!r} is no range of versions; {_EXPECTED}") from error

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a range.

        Raises:
            RequirementError: when it is none.
        """
        found = cls(text.strip())
        _ = found._specifiers  # a broken one is said here, not at its first use
        return found

    def __contains__(self, version: Version) -> bool:
        return self._specifiers.contains(Ordered(str(version)))

    def __str__(self) -> str:
        return self.text or "*"


@dataclass(frozen=True)
class Requirement:
    """A dataset, or something a dataset provides (a name without slash), in a range of versions."""

    name: str
    range: Range

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `us_indices/bars`, `us_indices/bars@1.2.0`, `us_indices/bars>=1,<2` or `features^2.1`.

        Raises:
            RequirementError: when it is none.
        """
        found = _REQUIREMENT.fullmatch(text.strip())
        if not found:
            raise RequirementError(f"{text!r} is no requirement; expected market/layer and a range: {_EXPECTED}")
        if found["pin"]:
            return cls(found["name"], Range.parse(f"=={Version.parse(found['pin'])}"))
        return cls(found["name"], Range.parse(found["range"]))

    @property
    def is_dataset(self) -> bool:
        return "/" in self.name

    def __str__(self) -> str:
        return f"{self.name}{self.range}" if self.range.text else self.name


def _comparisons(part: str) -> str:
    """One comparison as `packaging` writes it."""
    operator, rest = (part[0], part[1:].strip()) if part[:1] in {"^", "~"} else ("", part)
    if operator and (found := _PARTIAL.fullmatch(rest)):
        return f">={rest},<{_ceiling(operator, found)}"
    plain = re.sub(r"\s+", "", part)
    plain = plain if plain[:1] in {"=", "!", "<", ">"} else f"=={plain}"
    plain = plain if not re.match(r"=\d", plain) else f"={plain}"
    if operator or not _COMPARED.fullmatch(plain):
        raise RequirementError(f"{part!r} is no range of versions; {_EXPECTED}")
    return plain


def _ceiling(operator: str, found: re.Match[str]) -> str:
    """The first version above `^` (the left-most number that is not zero stays) or `~` (the minor stays)."""
    major, minor, patch = (None if part is None else int(part) for part in found.groups())
    if minor is None or (operator == "^" and major):
        return f"{int(major or 0) + 1}.0.0"
    if operator == "~" or minor or patch is None:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"

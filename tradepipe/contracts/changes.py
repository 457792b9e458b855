"""What changed between two documents of a contract, and whether it breaks somebody.

Breaking is what makes a reader fail or misread (a column gone, of another type, unit or key; nulls
where there were none), and what refuses rows that were good before (a narrower range, fewer words,
a new rule, or one that says another thing). It needs a new major version. Columns added at no one's cost, wider ranges
and better descriptions do not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tradepipe.contracts.document import Document


@dataclass(frozen=True)
class Change:
    """One change of a contract."""

    contract: str
    text: str
    breaking: bool

    def __str__(self) -> str:
        return f"{self.contract}: {self.text}"


@dataclass(frozen=True)
class Comparison:
    """All changes between two sets of contracts, and the contracts whose version does not say so."""

    changes: tuple[Change, ...]
    unannounced: tuple[str, ...]


def compare(before: Mapping[str, Document], after: Mapping[str, Document]) -> Comparison:
    """Compare all contracts; a contract that is new breaks nobody, one that is gone cannot announce it."""
    changes: list[Change] = []
    unannounced: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            changes.append(Change(name, f"new contract, version {after[name]['version']}", breaking=False))
        elif name not in after:
            changes.append(Change(name, "contract removed", breaking=True))
            unannounced.append(name)
        else:
            found = [Change(name, text, breaking) for text, breaking in _changes(before[name], after[name])]
            changes += found
            major, now = (_major(one[name]) for one in (before, after))
            if now < major or (now == major and any(one.breaking for one in found)):
                unannounced.append(name)
    return Comparison(tuple(changes), tuple(unannounced))


def _major(document: Document) -> int:
    return int(str(document["version"]).split(".")[0])


def _changes(before: Document, after: Document) -> Iterator[tuple[str, bool]]:
    if before["version"] != after["version"]:
        yield f"version {before['version']} -> {after['version']}", False
    if before["key"] != after["key"]:
        yield f"key {', '.join(before['key'])} -> {', '.join(after['key'])}", True
    old, new = before["columns"], after["columns"]
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield f"column {name} removed", True
        elif name not in old:
            yield f"column {name} added ({new[name]['dtype']})", False
        else:
            yield from _column_changes(name, old[name], new[name])
    yield from _rule_changes(before["rules"], after["rules"])
    if before["description"] != after["description"]:
        yield "description changed", False


def _column_changes(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    for what in ("dtype", "unit"):
        if old[what] != new[what]:
            yield f"column {name}: {what} {old[what] or 'none'} -> {new[what] or 'none'}", True
    if old["nullable"] != new["nullable"]:
        yield f"column {name}: {'may be null now' if new['nullable'] else 'may not be null any more'}", True
    if _range(old) != _range(new):
        narrower = _is_narrower(old, new)
        yield f"column {name}: range {_range(old)} -> {_range(new)}{', narrower' if narrower else ''}", narrower
    if old["allowed"] != new["allowed"]:
        yield from _word_changes(name, old["allowed"], new["allowed"])
    if old["description"] != new["description"]:
        yield f"column {name}: description changed", False


def _word_changes(name: str, old: list[str] | None, new: list[str] | None) -> Iterator[tuple[str, bool]]:
    if new is None:
        yield f"column {name}: any word is allowed now", False
    elif old is None:
        yield f"column {name}: only {', '.join(new)} are allowed now", True
    else:
        gone, more = [word for word in old if word not in new], [word for word in new if word not in old]
        if gone:
            yield f"column {name}: {', '.join(gone)} not allowed any more", True
        if more:
            yield f"column {name}: {', '.join(more)} allowed too", False


def _rule_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    for code in [*old, *(code for code in new if code not in old)]:
        if code not in new:
            yield f"rule {code} removed", False
        elif code not in old:
            yield f"rule {code} added: {new[code]['description']}", True
        elif old[code]["description"] != new[code]["description"]:
            yield f"rule {code} changed: {old[code]['description']} -> {new[code]['description']}", True
        elif old[code]["holds"] != new[code]["holds"]:
            # What a rule promises is its description; the same promise may be computed otherwise.
            yield f"rule {code} is written otherwise; see that it means the same: {new[code]['holds']}", False


def _range(column: Mapping[str, Any]) -> str:
    edges = "()" if column["exclusive"] else "[]"
    low = "-inf" if column["minimum"] is None else f"{column['minimum']:g}"
    high = "inf" if column["maximum"] is None else f"{column['maximum']:g}"
    return f"{edges[0]}{low}, {high}{edges[1]}"


def _is_narrower(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether some value was in the old range and is not in the new one."""
    infinity = float("inf")
    old_low, new_low = (-infinity if one["minimum"] is None else one["minimum"] for one in (old, new))
    old_high, new_high = (infinity if one["maximum"] is None else one["maximum"] for one in (old, new))
    edge = new["exclusive"] and not old["exclusive"]
    return bool(
        new_low > old_low
        or new_high < old_high
        or (edge and ((new_low == old_low and new_low > -infinity) or (new_high == old_high and new_high < infinity)))
    )

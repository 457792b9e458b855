"""From requirements to versions: the latest set of published datasets that go together."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tradepipe.datasets.errors import IncompatibleError, UnknownVersionError
from tradepipe.datasets.manifest import Manifest
from tradepipe.datasets.registry import Registered, Registry
from tradepipe.datasets.verifying import check, halt
from tradepipe.datasets.versions import Requirement, Version
from tradepipe.markets import calendar_for

Join = Literal["common", "union"]
Chosen = Mapping[str, Manifest]


@dataclass(frozen=True)
class Resolution:
    """The manifests chosen for a set of requirements, by dataset, and how their calendars are joined."""

    manifests: Chosen
    join: Join | None = None

    def sessions(self, start: dt.date, end: dt.date) -> list[dt.date]:
        """Sessions from `start` to `end`, inclusive: those of the one calendar, or joined by the rule.

        "common" keeps the sessions of every calendar, "union" those of any.
        """
        calendars = sorted({one.calendar for one in self.manifests.values()})
        found = [set(calendar_for(code).sessions(start, end)) for code in calendars]
        if not found:
            return []
        return sorted(set.intersection(*found) if self.join == "common" else set.union(*found))


def resolve(
    registry: Registry,
    wanted: Sequence[Requirement],
    *,
    join: Join | None = None,
    skew_tolerance: dt.timedelta | None = None,
    checksums: bool = True,
) -> Resolution:
    """The latest versions that satisfy `wanted` and each other's requirements.

    Datasets that a chosen manifest requires are chosen too. Latest means: the first named dataset is
    as new as can be, then the second. `skew_tolerance` None takes the least of the manifests' own.

    Raises:
        UnknownVersionError: a dataset has no version in the range; the message lists those it has.
        IncompatibleError: versions exist but not together; or calendars differ and no `join` rule is
            given; or the newest rows were known further apart than the tolerance.
        MismatchError: a file is not what the manifest says, with the remedies.
    """
    asked = [one for one in wanted if one.is_dataset]
    for one in asked:
        _candidates(registry, one)  # unknown versions are said by name, before any combination is tried
    found = next(_search(registry, list(wanted), {}), None)
    if found is None:
        raise IncompatibleError(_conflict(registry, wanted))
    _check_calendars(found, join)
    _check_skew(found, skew_tolerance)
    if checksums:
        for manifest in found.values():
            halt(registry, manifest, check(registry.store, manifest))
    return Resolution(found, join)


def _candidates(registry: Registry, wanted: Requirement) -> list[Registered]:
    """Live versions in the range, newest first."""
    every = registry.all(wanted.name)
    live = [one for one in every if one.retired_at is None and one.version in wanted.range]
    if live:
        return live[::-1]
    retired = {one.version for one in every if one.retired_at is not None}
    named = [f"{one.name} (retired)" if one.version in retired else one.name for one in every]
    raise UnknownVersionError(str(wanted), named or [one.name for one in registry.live()])


def _search(registry: Registry, open_: list[Requirement], chosen: dict[str, Manifest]) -> Iterator[Chosen]:
    """Depth first over the versions of one dataset after another, newest first."""
    datasets = [one for one in open_ if one.is_dataset and one.name not in chosen]
    if not datasets:
        if _all_hold(open_, chosen):
            yield chosen
        return
    try:
        candidates = _candidates(registry, datasets[0])
    except UnknownVersionError:
        return  # required by a chosen version, which therefore will not do
    for candidate in candidates:
        manifest = candidate.manifest
        tried = {**chosen, manifest.dataset: manifest}
        conditions = [*open_, *manifest.requirements]
        if _may_hold(conditions, tried):
            yield from _search(registry, conditions, tried)


def _may_hold(conditions: Sequence[Requirement], chosen: Chosen) -> bool:
    """No condition on what is chosen is broken yet."""
    return all(all(version in one.range for version in _versions(one, chosen.values())) for one in conditions)


def _all_hold(conditions: Sequence[Requirement], chosen: Chosen) -> bool:
    """And everything asked for is there."""
    return _may_hold(conditions, chosen) and all(any(_versions(one, chosen.values())) for one in conditions)


def _versions(wanted: Requirement, manifests: Iterable[Manifest]) -> list[Version]:
    """The versions of what is wanted that `manifests` bring."""
    if wanted.is_dataset:
        return [one.number for one in manifests if one.dataset == wanted.name]
    return [Version.parse(one.provides[wanted.name]) for one in manifests if wanted.name in one.provides]


def _conflict(registry: Registry, wanted: Sequence[Requirement]) -> str:
    asked = ", ".join(str(one) for one in wanted)
    lines = [f"{asked}: each exists, but no versions of them go together."]
    for name in sorted({one.name for one in wanted if one.is_dataset}):
        for one in registry.live(name)[::-1]:
            manifest = one.manifest
            provided = [f"provides {key} {version}" for key, version in manifest.provides.items()]
            terms = [*provided, *(f"requires {text}" for text in manifest.requires)]
            lines.append(f"  {one.name}{': ' if terms else ''}{', '.join(terms)}")
    lines.append("Remedy: widen a range, or publish a version that fits with `tradepipe dataset publish`.")
    return "\n".join(lines)


def _check_calendars(chosen: Chosen, join: Join | None) -> None:
    by_calendar: dict[str, list[str]] = {}
    for manifest in chosen.values():
        by_calendar.setdefault(manifest.calendar, []).append(manifest.name)
    if len(by_calendar) > 1 and join is None:
        told = "; ".join(f"{code}: {', '.join(names)}" for code, names in sorted(by_calendar.items()))
        raise IncompatibleError(
            f"The datasets keep different trading calendars ({told}). "
            "Remedy: say how sessions are joined with --join common or --join union, or choose one calendar."
        )


def _check_skew(chosen: Chosen, tolerance: dt.timedelta | None) -> None:
    known = {one.name: one.known_at for one in chosen.values() if one.known_at is not None}
    if len(known) <= 1:
        return
    least = dt.timedelta(seconds=min(one.skew_tolerance for one in chosen.values()))
    allowed = least if tolerance is None else tolerance
    oldest, newest = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    skew = known[newest] - known[oldest]
    if skew > allowed:
        raise IncompatibleError(
            f"{oldest} was last known at {known[oldest].isoformat()}, {newest} at {known[newest].isoformat()}: "
            f"{skew.total_seconds():g} s apart, {allowed.total_seconds():g} s are tolerated. "
            "Remedy: publish both over the same partitions, or say --skew with a longer duration such as PT12H."
        )

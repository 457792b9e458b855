"""`tradepipe dataset`: publish versions, list, resolve, verify, regenerate and retire them."""

import datetime as dt
import json
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from tradepipe import contracts
from tradepipe.chain import LAYERS
from tradepipe.commands.project import Project
from tradepipe.contracts import Contract
from tradepipe.datasets import (
    DatasetError,
    Manifest,
    Registered,
    Registry,
    Requirement,
    RequirementError,
    Resolution,
    Terms,
    Version,
    resolve,
    take,
    verify,
)
from tradepipe.datasets.regenerating import damaged_files, regenerate, set_aside
from tradepipe.datasets.resolving import Join

SHORT = 12


def registry_of(project: Project) -> Registry:
    """The registry of published datasets of this project's store."""
    return Registry.open(project.store, project.settings.manifests_folder)


def duration(text: str | None) -> dt.timedelta | None:
    """Read an ISO 8601 duration such as PT12H; None for None.

    Raises:
        RequirementError: when it is none.
    """
    if text is None:
        return None
    try:
        return TypeAdapter(dt.timedelta).validate_python(text)
    except ValidationError:
        raise RequirementError(f"{text!r} is no duration; expected ISO 8601 such as PT12H") from None


def publish(
    project: Project, console: Console, dataset: str, terms: Terms, *, partitions: tuple[str | None, str | None]
) -> Registered:
    """Publish what `market/layer` holds now as a version, and say what it is.

    Raises:
        RequirementError: the name is no dataset's.
        VersionExistsError: the version is published already with other content.
    """
    market, slash, layer = dataset.partition("/")
    if not (slash and layer):
        raise RequirementError(f"{dataset!r} is no dataset; expected market/layer such as us_indices/bars")
    now = dt.datetime.now(dt.UTC)
    registry = registry_of(project)
    manifest = take(project.store, project.market(market), dataset, terms, now=now, partitions=partitions)
    registered, is_new = registry.publish(manifest, now)
    told = registered.manifest
    console.print(
        f"{registered.name}: {'published' if is_new else 'published before, nothing changed'}; "
        f"{len(told.files)} partitions, {told.rows:,} rows from {len(told.sources)} landing files"
    )
    console.print(f"manifest   {registry.folder / registered.file}", soft_wrap=True, markup=False)
    console.print(f"checksum   {registered.checksum}")
    return registered


def show_list(project: Project, console: Console, dataset: str | None) -> None:
    """One line a version, retired ones too."""
    table = Table(
        "dataset",
        "version",
        "snapshot",
        "partitions",
        "rows",
        "contract",
        "calendar",
        "state",
        box=None,
        pad_edge=False,
    )
    found = registry_of(project).all(dataset)
    for one in found:
        manifest = one.manifest
        table.add_row(
            one.dataset,
            str(one.version),
            f"{manifest.snapshot_at:%Y-%m-%d %H:%M:%S}",
            f"{len(manifest.files):,}",
            f"{manifest.rows:,}",
            f"{manifest.contract} {manifest.contract_version}",
            manifest.calendar,
            "live" if one.retired_at is None else f"retired {one.retired_at:%Y-%m-%d}",
        )
    if found:
        console.print(table)
    else:
        console.print("Nothing is published. `tradepipe dataset publish MARKET/LAYER --version 1.0.0` does it.")


def show_verification(project: Project, console: Console, name: str | None) -> bool:
    """Recompute everything of `name` (None: of all live versions); True if all is as it was published."""
    registry, well = registry_of(project), True
    for one in named(registry, name):
        findings = verify(registry, one)
        state = "intact" if not findings else f"{len(findings)} findings"
        console.print(f"{one.name}: {state}; checksum {one.checksum[:SHORT]}…")
        for finding in findings:
            console.print(f"  {finding}", soft_wrap=True, markup=False)
        well &= not findings
    return well


def show_resolution(  # noqa: PLR0913 - one argument an option
    project: Project,
    console: Console,
    wanted: Sequence[str],
    *,
    join: Join | None,
    skew_tolerance: dt.timedelta | None,
    as_json: bool,
) -> Resolution:
    """Choose the latest versions that go together, verify their files, and print them."""
    registry = registry_of(project)
    asked = [Requirement.parse(text) for text in wanted]
    found = resolve(registry, asked, join=join, skew_tolerance=skew_tolerance)
    if as_json:
        told = [
            {
                "dataset": one.dataset,
                "version": one.version,
                "checksum": one.checksum,
                "manifest": str(registry.folder / one.file_name),
            }
            for one in found.manifests.values()
        ]
        console.print(json.dumps(told, indent=2), soft_wrap=True, markup=False)
        return found
    table = Table("dataset", "version", "partitions", "rows", "calendar", "checksum", box=None, pad_edge=False)
    for one in found.manifests.values():
        table.add_row(
            one.dataset, one.version, f"{len(one.files):,}", f"{one.rows:,}", one.calendar, f"{one.checksum[:SHORT]}…"
        )
    console.print(table)
    return found


def retire(project: Project, console: Console, name: str) -> None:
    """Let go of a version's files. Its manifest stays, and its number is never used again."""
    registry = registry_of(project)
    one = _pinned(registry, name)
    registry.retire(one.dataset, one.version, dt.datetime.now(dt.UTC))
    console.print(f"{one.name}: retired; the sweep may take its files once they are superseded")


def make_again(project: Project, console: Console, name: str) -> None:
    """Make damaged files of a version again: from other generations, or by materialising their partitions.

    Raises:
        DatasetError: when a file cannot be made again, with the reason.
    """
    one = _pinned(registry_of(project), name)
    manifest, store = one.manifest, project.store
    damaged = damaged_files(store, manifest)
    if not damaged:
        console.print(f"{one.name}: every file is intact")
        return
    market, _, layer = manifest.dataset.partition("/")
    contract = contract_of(project, manifest)
    failed = regenerate(store, manifest, contract)
    if failed and layer in LAYERS:
        set_aside(store, [file for file, _ in failed])
        for file, _ in failed:
            outcome = project.runner.materialise(project.market(market), [layer], file.partition, file.partition)
            if not outcome.success:
                raise DatasetError(f"{one.name}: materialising {file.partition} failed: {outcome.error}")
        failed = regenerate(store, manifest, contract)
    if failed:
        told = "\n".join(f"  {file.path}: {problem}" for file, problem in failed)
        raise DatasetError(
            f"{one.name}: {len(failed)} files cannot be made again:\n{told}\n"
            "Remedy: refresh (publish a new version) or downgrade (resolve an older one)."
        )
    console.print(f"{one.name}: {len(damaged)} files were made again, to the byte")


def contract_of(project: Project, manifest: Manifest) -> Contract:
    """The contract that a manifest's files keep."""
    market, _, layer = manifest.dataset.partition("/")
    if layer in LAYERS:
        return LAYERS[layer].contract(project.market(market))
    known = [one for one in vars(contracts).values() if isinstance(one, Contract) and one.name == manifest.contract]
    if not known:
        raise DatasetError(f"{manifest.name}: this tradepipe has no contract {manifest.contract}")
    return known[0]


def named(registry: Registry, name: str | None) -> list[Registered]:
    """The version `market/layer@1.2.0`; all live ones of `market/layer`; all live ones of all for None."""
    if name and "@" in name:
        return [_pinned(registry, name)]
    found = registry.live(name)
    return found if found or name is None else [registry.get(name, Version(0, 0, 0))]


def _pinned(registry: Registry, name: str) -> Registered:
    dataset, at, version = name.partition("@")
    if not at:
        raise RequirementError(f"{name!r} names no version; expected e.g. us_indices/bars@1.0.0")
    return registry.get(dataset, Version.parse(version))

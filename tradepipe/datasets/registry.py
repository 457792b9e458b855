"""The registry of published datasets: a table beside the catalogue, and a folder of manifests.

The catalogue's transaction is the commit point: registration and pins appear together, or not at
all. The manifest's file is linked under its name just after, never over another one; when a crash
comes between, publishing the same again, or opening the version, puts the file there from the
registered text.
"""

import datetime as dt
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from tradepipe.datasets.errors import DatasetError, MismatchError, UnknownVersionError, VersionExistsError
from tradepipe.datasets.manifest import Manifest
from tradepipe.datasets.tables import published_datasets as table
from tradepipe.datasets.versions import Version
from tradepipe.store import PartitionStore, migrate, writing
from tradepipe.store.pins import pin, unpin

MIGRATIONS = Path(__file__).parent / "migrations" / "datasets"
VERSION_TABLE = "datasets_version"


@dataclass(frozen=True)
class Registered:
    """A row of the registry. `text` is the manifest as it was registered."""

    dataset: str
    version: Version
    file: str
    checksum: str
    text: str
    registered_at: dt.datetime
    run_id: str | None
    retired_at: dt.datetime | None

    @property
    def name(self) -> str:
        return f"{self.dataset}@{self.version}"

    @property
    def manifest(self) -> Manifest:
        """The registered manifest.

        Raises:
            MismatchError: the row was changed behind our back.
        """
        return Manifest.from_yaml(self.text, f"the registration of {self.name}")

    def metadata(self) -> dict[str, Any]:
        """What a Dagster materialisation shows of it: plain values."""
        return {
            "manifest": self.name,
            "manifest_checksum": self.checksum,
            "manifest_file": self.file,
            "manifest_rows": self.manifest.rows,
        }


def _pass(_step: str) -> None:
    """Between two steps of a publication nothing else happens."""


class Registry:
    """Published datasets of one store; manifests below `folder`.

    `checkpoint` is called with "written", "registered" and "linked"; tests end a process there.
    """

    def __init__(self, store: PartitionStore, folder: Path, *, checkpoint: Callable[[str], None] = _pass) -> None:
        self.store, self.folder = store, folder
        self._engine, self._checkpoint = store.catalogue.engine, checkpoint

    @classmethod
    def open(cls, store: PartitionStore, folder: Path, *, checkpoint: Callable[[str], None] = _pass) -> Self:
        """Open it in the catalogue's database, migrating its table when that is needed."""
        migrate(store.catalogue.engine, MIGRATIONS, version_table=VERSION_TABLE)
        return cls(store, folder, checkpoint=checkpoint)

    def publish(self, manifest: Manifest, now: dt.datetime, run_id: str | None = None) -> tuple[Registered, bool]:
        """Register `manifest`, pin its generations and write its file; True if it is new.

        The same content under the same version changes nothing, whenever its snapshot was taken.

        Raises:
            VersionExistsError: the version has other content, or was retired; or the contract changed
                and the major version did not.
            StoreError: the file of a generation was swept since the snapshot.
        """
        text = manifest.to_yaml()
        temporary = self._write(manifest.file_name, text)
        try:
            self._checkpoint("written")
            with writing(self._engine) as connection:
                known = [_registered(row) for row in connection.execute(_of(manifest.dataset))]
                same = next((one for one in known if one.version == manifest.number), None)
                if same is None:
                    _refuse_other_contract(manifest, known)
                    connection.execute(sa.insert(table).values(**_row(manifest, text, now, run_id)))
                    pin(connection, manifest.name, {file.generation: file.path for file in manifest.files}, now)
                else:
                    _refuse_other_content(manifest, same, known)
            self._checkpoint("registered")
            if same is None:
                _link(temporary, self.folder / manifest.file_name)
                self._checkpoint("linked")
        finally:
            temporary.unlink(missing_ok=True)
        if same is not None:
            self.restore_file(same)
        return self.get(manifest.dataset, manifest.number), same is None

    def restore_file(self, registered: Registered) -> None:
        """Put the manifest's file where it belongs if it is not there; one that is there is left alone."""
        target = self.folder / registered.file
        if target.is_file():
            return
        temporary = self._write(registered.file, registered.text)
        try:
            _link(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def retire(self, dataset: str, version: Version, now: dt.datetime) -> Registered:
        """Let go of a version's files: nothing resolves to it any more, and the sweep may take them.

        The manifest and the registration stay, so that the version is never given to other content.

        Raises:
            UnknownVersionError: there is no such version.
        """
        with writing(self._engine) as connection:
            mine = (table.c.dataset == dataset, table.c.version == str(version))
            connection.execute(sa.update(table).where(*mine, table.c.retired_at.is_(None)).values(retired_at=now))
            unpin(connection, f"{dataset}@{version}")
        return self.get(dataset, version)

    def all(self, dataset: str | None = None) -> list[Registered]:
        """Every registered version, retired ones too, by dataset and version."""
        with self._engine.connect() as connection:
            found = [_registered(row) for row in connection.execute(_of(dataset))]
        return sorted(found, key=lambda one: (one.dataset, one.version))

    def live(self, dataset: str | None = None) -> list[Registered]:
        """Versions that were not retired, by dataset and version."""
        return [one for one in self.all(dataset) if one.retired_at is None]

    def get(self, dataset: str, version: Version) -> Registered:
        """One version.

        Raises:
            UnknownVersionError: there is none; the message lists those there are.
        """
        every = self.all(dataset)
        for one in every:
            if one.version == version:
                return one
        raise UnknownVersionError(f"{dataset}@{version}", [one.name for one in every or self.all()])

    def _write(self, name: str, text: str) -> Path:
        """`text`, durably, in a file beside its final place that nobody looks for."""
        target = self.folder / name
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DatasetError(
                f"{target.parent}: the manifest cannot be written ({error.strerror}); nothing was published. "
                "Remedy: make the folder writable, or name another with datasets.manifests."
            ) from error
        return temporary


def _link(temporary: Path, target: Path) -> None:
    """Give the file its name; whatever has that name already stays (a hard link never overwrites)."""
    with suppress(FileExistsError):
        os.link(temporary, target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _of(dataset: str | None) -> sa.Select[Any]:
    query = sa.select(table)
    return query if dataset is None else query.where(table.c.dataset == dataset)


def _registered(row: Any) -> Registered:
    return Registered(
        row.dataset,
        Version.parse(row.version),
        row.file,
        row.checksum,
        row.manifest,
        row.registered_at,
        row.run_id,
        row.retired_at,
    )


def _row(manifest: Manifest, text: str, now: dt.datetime, run_id: str | None) -> dict[str, Any]:
    return {
        "dataset": manifest.dataset,
        "version": manifest.version,
        "file": manifest.file_name,
        "checksum": manifest.checksum,
        "manifest": text,
        "rows": manifest.rows,
        "files": len(manifest.files),
        "registered_at": now,
        "run_id": run_id,
    }


def _refuse_other_content(manifest: Manifest, same: Registered, known: list[Registered]) -> None:
    free = max(one.version for one in known).next_patch
    if same.retired_at is not None:
        raise VersionExistsError(f"{manifest.name} was retired and is not published again. Remedy: --version {free}")
    if same.checksum != manifest.checksum:
        raise VersionExistsError(
            f"{manifest.name} is published already with other content: {_difference(same.manifest, manifest)}. "
            f"Versions never change. Remedy: --version {free}"
        )


def _difference(before: Manifest, after: Manifest) -> str:
    old, new = ({file.partition: file for file in one.files} for one in (before, after))
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return f"partition {changed[0]}{more} differ" if more else f"partition {changed[0]} differs"
    names = ("calendar", "interval", "skew_tolerance", "contract_version", "requires", "provides", "sources")
    return ", ".join(name for name in names if getattr(before, name) != getattr(after, name)) + " differ"


def _refuse_other_contract(manifest: Manifest, known: list[Registered]) -> None:
    """Who asks for ^1 must get one contract: a new one needs a new major version."""
    for one in known:
        if one.version.major != manifest.number.major or one.retired_at is not None:
            continue
        try:
            before = one.manifest
        except MismatchError:
            continue  # its own verification says so
        told = (before.contract, before.contract_version)
        if told != (manifest.contract, manifest.contract_version):
            raise VersionExistsError(
                f"{manifest.name} keeps contract {manifest.contract} {manifest.contract_version}, but {one.name} "
                f"kept {' '.join(told)}: readers of major version {one.version.major} would break. "
                f"Remedy: --version {max(known_one.version for known_one in known).next_major}"
            )

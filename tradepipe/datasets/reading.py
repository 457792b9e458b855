"""Reading a published version: exactly the generations it names, however many came after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import polars as pl

from tradepipe.datasets.errors import DatasetError
from tradepipe.datasets.files import pinned_generations, scan
from tradepipe.datasets.manifest import Manifest, ManifestFile
from tradepipe.datasets.registry import Registry
from tradepipe.datasets.resolving import resolve
from tradepipe.datasets.verifying import check, halt
from tradepipe.datasets.versions import Requirement
from tradepipe.store import reading


@dataclass(frozen=True)
class PublishedDataset:
    """One version, open for reading. Its files are pinned: no sweep or retention takes them."""

    registry: Registry
    manifest: Manifest

    @classmethod
    def open(cls, registry: Registry, manifest: Manifest) -> Self:
        """Open a version after recomputing the sha256 of all its files.

        Raises:
            MismatchError: a file is not what the manifest says; the message offers three remedies.
        """
        halt(registry, manifest, check(registry.store, manifest))
        return cls(registry, manifest)

    @property
    def partitions(self) -> list[str]:
        """Keys of its partitions, in order."""
        return [file.partition for file in self.manifest.files]

    def read(
        self,
        partitions: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        symbols: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Rows of these partitions (None: all) in partition order, each in its contract's order.

        Raises:
            DatasetError: a partition that this version does not hold.
            StoreError: a column that it does not hold.
            MismatchError: a file went or shrank since the version was opened.
        """
        chosen = self._files(partitions)
        shown = chosen or self.manifest.files[:1]  # any file knows the columns
        store = self.registry.store
        try:
            pinned = pinned_generations(store, shown)
            frame = scan(store, [pinned[file.generation] for file in shown], columns=columns, symbols=symbols)
            return reading.collect(frame if chosen else frame.head(0), self.manifest.dataset)
        except (KeyError, FileNotFoundError, pl.exceptions.ComputeError):
            halt(self.registry, self.manifest, check(store, self.manifest, shown))
            raise

    def _files(self, partitions: Sequence[str] | None) -> Sequence[ManifestFile]:
        if partitions is None:
            return self.manifest.files
        held = {file.partition: file for file in self.manifest.files}
        lacking = [key for key in partitions if key not in held]
        if lacking:
            raise DatasetError(
                f"{self.manifest.name} has no partition {lacking[0]}; it has {self.partitions[0]} to "
                f"{self.partitions[-1]}, {len(held)} in all. Remedy: a version that holds it, or fewer partitions."
            )
        return [held[key] for key in sorted(set(partitions))]


def open_dataset(registry: Registry, name: str, versions: str = "") -> PublishedDataset:
    """The latest version of `name` in a range such as `>=1.0,<2`, verified and open for reading.

    Raises:
        UnknownVersionError: none fits; the message lists those there are.
        MismatchError: a file is not what the manifest says, with the remedies.
    """
    wanted = Requirement.parse(f"{name}{versions}")
    found = resolve(registry, [wanted], checksums=False)
    return PublishedDataset.open(registry, found.manifests[name])

"""The files that a manifest names, wherever they are: their bytes, their columns, their rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from tradepipe.datasets.manifest import ManifestFile
from tradepipe.store import Generation, PartitionStore, reading
from tradepipe.store.model import COLD, HOT


def pinned_generations(store: PartitionStore, files: Sequence[ManifestFile]) -> dict[int, Generation]:
    """The generations as a manifest pinned them, by id; those that the catalogue does not know are left out.

    Compaction may since have given a generation another file; the pinned one is still there.
    """
    known = store.catalogue.of_ids({file.generation for file in files})
    found = {}
    for file in files:
        one = known.get(file.generation)
        if one is not None:
            moved_on = HOT if (store.root / file.path).is_file() else COLD
            tier = one.tier if one.path == file.path else moved_on
            pinned = replace(one, path=file.path, slice=file.slice, sha256=file.sha256, size=file.size, tier=tier)
            found[one.id] = pinned
    return found


def scan(
    store: PartitionStore,
    generations: Sequence[Generation],
    *,
    columns: Sequence[str] | None = None,
    symbols: Sequence[str] | None = None,
) -> pl.LazyFrame:
    """Their rows, in that order, from exactly these files."""
    return reading.scan(store.addresses, generations, columns=columns, symbols=symbols)


def sha256_of(store: PartitionStore, generation: Generation) -> str:
    """sha256 of the file's bytes as they are now, hexadecimal.

    Raises:
        FileNotFoundError: it is not there.
        ColdTierError: it is in the cold tier, which cannot be reached.
    """
    if generation.tier == COLD and store.cold is not None:
        return store.cold.sha256(generation.path)
    with (store.root / generation.path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

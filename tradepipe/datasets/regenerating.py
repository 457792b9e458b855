"""Making the damaged files of a published version again, to the byte, from rows that are still somewhere."""

from collections.abc import Sequence

from tradepipe.contracts import Contract
from tradepipe.datasets.files import sha256_of
from tradepipe.datasets.manifest import Manifest, ManifestFile
from tradepipe.datasets.verifying import check
from tradepipe.store import Generation, PartitionStore, files
from tradepipe.store.content import content_hash

ASIDE = ".damaged"


def damaged_files(store: PartitionStore, manifest: Manifest) -> list[ManifestFile]:
    """Files of the manifest that are missing or have other bytes."""
    broken = {finding.partition for finding in check(store, manifest)}
    return [file for file in manifest.files if file.partition in broken]


def set_aside(store: PartitionStore, damaged: Sequence[ManifestFile]) -> None:
    """Take damaged files out of the way, so that the store sees them missing and writes their rows anew."""
    for file in damaged:
        path = store.root / file.path
        if path.is_file():
            path.rename(path.with_name(path.name + ASIDE))


def regenerate(store: PartitionStore, manifest: Manifest, contract: Contract) -> list[tuple[ManifestFile, str]]:
    """Write damaged files again from generations that hold the same rows; what could not be, and why.

    A file is put back only when its bytes have the manifest's sha256.
    """
    failed = []
    for file in damaged_files(store, manifest):
        problem = _regenerate(store, manifest, file, contract)
        if problem:
            failed.append((file, problem))
    return failed


def _regenerate(store: PartitionStore, manifest: Manifest, file: ManifestFile, contract: Contract) -> str | None:
    if file.slice is not None:
        return "it is a compacted file, which holds other partitions too"
    twin = next((one for one in _twins(store, manifest, file) if _is_intact(store, one)), None)
    if twin is None:
        return "no other generation holds the same rows"
    frame = store.read_generations([twin], contract)
    if content_hash(frame) != file.content:
        return "the rows of the other generation are not what its hash says"
    made = files.write_temporary(store.root, manifest.dataset, file.partition, frame, contract)
    written = store.root / (made.path + files.TEMPORARY)
    if made.sha256 != file.sha256:
        written.unlink()
        return "the same rows make other bytes today, as after an upgrade of polars or pyarrow"
    files.sync_temporary(store.root, made)
    set_aside(store, [file])
    written.rename(store.root / file.path)
    return None


def _twins(store: PartitionStore, manifest: Manifest, file: ManifestFile) -> list[Generation]:
    """Other generations of the partition with the same rows in another file, newest first."""
    history = store.catalogue.history(manifest.dataset, file.partition)
    return [
        one for one in history[::-1] if one.content == file.content and one.path != file.path and one.swept_at is None
    ]


def _is_intact(store: PartitionStore, generation: Generation) -> bool:
    try:
        return sha256_of(store, generation) == generation.sha256
    except FileNotFoundError:
        return False

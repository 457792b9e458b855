"""Landing deliveries: each file whole or not at all, and nothing that landed is ever changed."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tradepipe.ingest.landing import PARTIAL
from tradepipe.ingest.sources.landed import version_name, versions
from tradepipe.ingest.sources.model import Delivery


class UnsafeNameError(ValueError):
    """A delivery's name leads out of the landing folder."""


def land(
    deliveries: Iterable[Delivery], folder: Path, *, checkpoint: Callable[[str], None] = lambda _step: None
) -> list[Path]:
    """Write each delivery below `folder`, in order; the paths of what is new.

    A file appears under its name complete and on disk, or not at all. The bytes that came last under a
    name change nothing when they come again. Others land beside it, marked so that the last sort last. `checkpoint` is
    called with "written" and "renamed"; it is how tests end a process at a chosen step.

    Raises:
        UnsafeNameError: for a name that is absolute or contains `..`.
        OSError: when the disk is full or not writable; what landed before stays.
    """
    landed = (_land(delivery, folder, checkpoint) for delivery in deliveries)
    return [path for path in landed if path is not None]


def _land(delivery: Delivery, folder: Path, checkpoint: Callable[[str], None]) -> Path | None:
    name = PurePosixPath(delivery.name)
    if name.is_absolute() or ".." in name.parts or not name.parts:
        raise UnsafeNameError(f"delivery {delivery.name!r}: a path below the landing folder is expected")
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with _written(delivery, target.parent) as draft:
        digest = _sha256(draft)
        there = versions(folder, delivery.name)
        if there and _sha256(there[-1]) == digest:
            return None
        if delivery.modified is not None:
            stamp = delivery.modified.timestamp()
            os.utime(draft, (stamp, stamp))
        checkpoint("written")
        if not there and _linked(draft, target, digest):
            checkpoint("renamed")
            _sync(target.parent)
            return target
        other = folder / version_name(delivery.name, there, digest)
        draft.replace(other)
        checkpoint("renamed")
        _sync(target.parent)
        return other


def _linked(draft: Path, target: Path, digest: str) -> bool:
    """Give `draft` its name, unless another worker took it meanwhile for other bytes."""
    try:
        os.link(draft, target)  # unlike a rename, this never replaces a file
    except FileExistsError:
        return _sha256(target) == digest
    except OSError:  # a file system without hard links
        if target.exists():
            return _sha256(target) == digest
        draft.replace(target)
    return True


@contextmanager
def _written(delivery: Delivery, folder: Path) -> Iterator[Path]:
    handle, path = tempfile.mkstemp(dir=folder, prefix=".", suffix=PARTIAL)
    draft = Path(path)
    try:
        with os.fdopen(handle, "wb") as file:
            if isinstance(delivery.content, bytes):
                file.write(delivery.content)
            else:
                with delivery.content.open("rb") as content:
                    shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o644)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

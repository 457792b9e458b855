"""The landing folder: which files are there, and what bytes they hold."""

import datetime as dt
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PACKINGS = (".gz", ".zip")
PARTIAL = ".partial"  # ending of a delivery that is being written


class LandingError(RuntimeError):
    """A landing file is there and cannot be looked at. Its rows may have been read before: they are not gone."""


class FileState(NamedTuple):
    """What the file system says of a file; every write to it, and every change of its times, moves `ctime_ns`."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "FileState":
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True)
class LandingFile:
    """One delivered file. `name` is its POSIX path below the landing folder; `size` is in bytes.

    `arrived_at` (UTC) is when tradepipe first saw these bytes under this name, where that is known;
    `state` what the file system said before its bytes were hashed, None if that moved meanwhile.
    """

    name: str
    path: Path
    size: int
    sha256: str
    arrived_at: dt.datetime | None = None
    state: FileState | None = None

    @property
    def plain_name(self) -> str:
        """The file's name without folders, without `.gz` or `.zip`, and without the mark of a later version of it."""
        name = _VERSION.sub("", Path(self.name).name)
        return next((name.removesuffix(packing) for packing in PACKINGS if name.endswith(packing)), name)

    @property
    def stem(self) -> str:
        """`plain_name` without its ending: the symbol, where neither a column nor a pattern says it."""
        return Path(self.plain_name).stem


_VERSION = re.compile(r"~[0-9a-f]{12}(?=\.|$)")  # see tradepipe.ingest.sources.landed

Seen = Mapping[str, tuple[FileState, str]]
"""File name -> its state when it was hashed, and the sha256."""


def scan(folder: Path, pattern: str, seen: Seen | None = None) -> list[LandingFile]:
    """Files below `folder` that match the glob `pattern`, sorted by name; none if the folder is not there.

    A file is known by content: every byte is read for the sha256, but for the files that `seen` says
    were hashed before and whose state is the same. A file that vanishes meanwhile is not there, nor is
    one that is still being landed.

    Raises:
        LandingError: naming a file that may not be read.
    """
    found = sorted(
        (path for path in folder.glob(pattern) if path.suffix != PARTIAL and path.is_file()),
        key=lambda path: path.as_posix(),
    )
    described = [_described(folder, path, seen or {}) for path in found]
    return [file for file in described if file is not None]


def _described(folder: Path, path: Path, seen: Seen) -> LandingFile | None:
    name = path.relative_to(folder).as_posix()
    try:
        return _hashed(name, path, seen)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LandingError(
            f"{path}: the file cannot be read: {error.strerror}. Nothing was published. "
            "Remedy: let tradepipe read it, or move it out of the landing folder."
        ) from error


def _hashed(name: str, path: Path, seen: Seen) -> LandingFile:
    with path.open("rb") as file:
        state = FileState.of(os.fstat(file.fileno()))
        known = seen.get(name)
        if known is not None and known[0] == state:
            return LandingFile(name, path, state.size, known[1], state=state)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        still = FileState.of(os.fstat(file.fileno())) == state
    return LandingFile(name, path, size, digest, state=state if still else None)

"""The landing folder: which files are there, and what bytes they hold."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

PACKINGS = (".gz", ".zip")


@dataclass(frozen=True)
class LandingFile:
    """One delivered file. `name` is its POSIX path below the landing folder; `size` is in bytes.

    `arrived_at` (aware, None: not known) is when tradepipe first saw these bytes.
    """

    name: str
    path: Path
    size: int
    sha256: str
    arrived_at: dt.datetime | None = None

    @property
    def plain_name(self) -> str:
        """The file's name without folders and without `.gz` or `.zip`."""
        name = Path(self.name).name
        return next((name.removesuffix(packing) for packing in PACKINGS if name.endswith(packing)), name)

    @property
    def stem(self) -> str:
        """`plain_name` without its ending: the symbol, where neither a column nor a pattern says it."""
        return Path(self.plain_name).stem


def scan(folder: Path, pattern: str) -> list[LandingFile]:
    """Files below `folder` that match the glob `pattern`, sorted by name; none if the folder is not there.

    Every byte is read for the sha256: a file is known by content, not by its modification time.
    """
    found = sorted((path for path in folder.glob(pattern) if path.is_file()), key=lambda path: path.as_posix())
    return [_described(folder, path) for path in found]


def _described(folder: Path, path: Path) -> LandingFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return LandingFile(path.relative_to(folder).as_posix(), path, size, digest)

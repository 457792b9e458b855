"""Writing one immutable Parquet file so that a crash leaves it whole or out of sight."""

import hashlib
import io
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tradepipe.contracts import Contract
from tradepipe.store.encoding import is_split, write_split

if TYPE_CHECKING:
    from typing_extensions import Buffer

SUFFIX = ".parquet"
TEMPORARY = ".tmp"

SYMBOL = "symbol"
MIN_GROUP_ROWS = 32_768  # below this, a group's own cost outweighs what skipping others saves
MAX_GROUP_ROWS = 131_072
BUFFER = 1 << 20  # bytes

_DATASET = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_PARTITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class StoredFile:
    """A file of the store: path relative to the root, size in bytes, sha256 of its bytes."""

    path: str
    size: int
    sha256: str


class _HashingFile(io.RawIOBase):
    """A file that hashes what is written to it, so that nothing is read again for its sha256."""

    def __init__(self, file: io.RawIOBase) -> None:
        super().__init__()
        self._file, self.size, self.digest = file, 0, hashlib.sha256()

    def writable(self) -> bool:
        """As io.BufferedWriter asks."""
        return True

    def write(self, data: "Buffer") -> int:
        """Write all of `data`, or as much of it as the disk takes."""
        written = self._file.write(data) or 0
        self.digest.update(memoryview(data)[:written])
        self.size += written
        return written


def check_names(dataset: str, partitions: Iterable[str]) -> None:
    """Refuse names that would not be safe as file names.

    Raises:
        ValueError: naming the dataset or partition and what is expected.
    """
    if not _DATASET.fullmatch(dataset):
        raise ValueError(f"dataset {dataset!r}: expected market/layer in lower case, such as us_indices/bars")
    for partition in partitions:
        if not _PARTITION.fullmatch(partition):
            raise ValueError(f"{dataset} partition {partition!r}: expected a key such as 2018-12 or 2018-12-31")


def write_temporary(root: Path, dataset: str, partition: str, frame: pl.DataFrame, contract: Contract) -> StoredFile:
    """Write `frame` beside its final place, under a temporary name; neither synced nor visible yet.

    The types of the contract's columns say how; see `tradepipe.store.encoding`. Where none is Float32:
    Zstandard level 1, with statistics; level 3 costs a third more and saves less than one percent of
    bars. Rows are expected in the contract's key order, so that one symbol lies in few row groups.
    """
    path = f"{dataset}/{partition}-{uuid.uuid4().hex[:16]}{SUFFIX}"
    with (root / (path + TEMPORARY)).open("xb", buffering=0) as file:
        sink = _HashingFile(file)
        with io.BufferedWriter(sink, BUFFER) as buffered:  # polars writes page by page, and each call costs
            if is_split(frame.schema):
                write_split(buffered, [frame], group_rows(frame, contract))
            else:
                frame.write_parquet(
                    buffered,
                    compression="zstd",
                    compression_level=1,
                    statistics=True,
                    row_group_size=group_rows(frame, contract),
                )
        return StoredFile(path, sink.size, sink.digest.hexdigest())


def group_rows(frame: pl.DataFrame, contract: Contract) -> int:
    """Rows of a row group: whole symbols where the rows are sorted by symbol, within sensible bounds."""
    if frame.height <= MIN_GROUP_ROWS:
        return MIN_GROUP_ROWS
    if contract.key[0] != SYMBOL:
        return MAX_GROUP_ROWS
    per_symbol = -(-frame.height // max(frame[SYMBOL].n_unique(), 1))
    return min(per_symbol * -(-MIN_GROUP_ROWS // per_symbol), MAX_GROUP_ROWS)


def sync_temporary(root: Path, file: StoredFile) -> None:
    """Force the bytes of a temporary file to the disk."""
    _sync(root / (file.path + TEMPORARY))


def rename_temporary(root: Path, file: StoredFile) -> None:
    """Give a temporary file its final name."""
    (root / (file.path + TEMPORARY)).rename(root / file.path)


def sync_folders(root: Path, files: Iterable[StoredFile]) -> None:
    """Force the names of these files to the disk."""
    for folder in sorted({(root / file.path).parent for file in files}):
        _sync(folder)


def make_folder(root: Path, dataset: str) -> None:
    """Make the dataset's folder, durably."""
    folder = root / dataset
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        for parent in (folder.parent, root, root.parent):
            _sync(parent)


def written_before(root: Path, instant: float) -> Iterator[str]:
    """Paths (relative to the root) of store files, temporary ones too, last written before a POSIX time."""
    for path in sorted(root.glob(f"*/*/*{SUFFIX}*")):
        try:
            is_old = path.stat().st_mtime < instant
        except FileNotFoundError:  # renamed or removed since it was listed
            continue
        if is_old and path.name.endswith((SUFFIX, SUFFIX + TEMPORARY)):
            yield path.relative_to(root).as_posix()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

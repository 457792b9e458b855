"""The manifest of one version of a published dataset: what it is made of, to the byte.

A manifest never changes. It is one YAML file a version, `datasets/<market>/<layer>/<version>.yaml`
below the folder of manifests, so that versions live side by side and no file is ever rewritten.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, Self

import polars as pl
import yaml

from tradepipe.datasets.errors import MismatchError
from tradepipe.datasets.versions import Requirement, Version

FORMAT = 1

# The pure-Python ones are ten times slower, and a manifest may name thousands of files.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True)
class ManifestFile:
    """One partition's file: its generation in the catalogue, its path in the store, its hashes.

    `sha256` is that of the file's bytes, `content` the logical hash of the partition's rows. `slice`
    is their number within a compacted file, None where the file holds them alone.
    """

    partition: str
    generation: int
    path: str
    rows: int
    size: int
    sha256: str
    content: str
    slice: int | None = None


@dataclass(frozen=True)
class Source:
    """Where the rows came from at first: a landing file, by the sha256 of its bytes."""

    uri: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What one version holds. Times are UTC; `skew_tolerance` is in seconds.

    `schema` maps columns to data types, `schema_sha256` is its hash. `known_at` is the newest of all
    rows, None where rows carry none. `requires` are ranges of other datasets that this one must be
    read with, `provides` versions of things it brings (such as a feature set) that others may require.
    """

    dataset: str
    version: str
    snapshot_at: dt.datetime
    calendar: str
    timezone: str
    interval: str
    known_at: dt.datetime | None
    skew_tolerance: float
    contract: str
    contract_version: str
    schema_sha256: str
    schema: Mapping[str, str]
    code_versions: tuple[str, ...]
    tradepipe: str
    files: tuple[ManifestFile, ...]
    sources: tuple[Source, ...]
    requires: tuple[str, ...] = ()
    provides: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def name(self) -> str:
        """`market/layer@1.2.0`: how people, pins and metadata call it."""
        return f"{self.dataset}@{self.version}"

    @property
    def number(self) -> Version:
        return Version.parse(self.version)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def requirements(self) -> list[Requirement]:
        return [Requirement.parse(text) for text in self.requires]

    @property
    def file_name(self) -> str:
        """Path of the YAML file below the folder of manifests."""
        return f"datasets/{self.dataset}/{self.version}.yaml"

    @cached_property
    def checksum(self) -> str:
        """sha256 over all of the manifest but when and by which tradepipe it was written, and the note."""
        told = {name: value for name, value in _plain(self).items() if name not in {"snapshot_at", "tradepipe", "note"}}
        return _sha256(json.dumps(told, sort_keys=True, separators=(",", ":")))

    def to_yaml(self) -> str:
        """The file's text: the same manifest always gives the same bytes."""
        head = {"format": FORMAT, "checksum": self.checksum}
        return str(yaml.dump({**head, **_plain(self)}, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=200))

    @classmethod
    def from_yaml(cls, text: str, where: str) -> Self:
        """Read what `to_yaml` wrote; `where` names it in errors.

        Raises:
            MismatchError: when the text is no manifest, or was changed since it was written.
        """
        try:
            told = dict(yaml.load(text, Loader=_LOADER))  # noqa: S506 - both are safe loaders
            form, checksum = told.pop("format"), told.pop("checksum")
            found = cls(**{one.name: _read(one.name, told.pop(one.name)) for one in fields(cls)})
        except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            reason = str(error).split("\n", 1)[0]
            raise MismatchError(f"{where}: no manifest can be read from it ({reason})", [where]) from error
        if told or form != FORMAT:
            what = f"unknown keys {', '.join(told)}" if told else f"format {form}, this tradepipe reads {FORMAT}"
            raise MismatchError(f"{where}: {what}", [where])
        if checksum != found.checksum:
            raise MismatchError(
                f"{where}: changed since it was written (checksum {found.checksum}, it says {checksum})", [where]
            )
        return found


def schema_of(frame_schema: Mapping[str, pl.DataType]) -> dict[str, str]:
    """Columns and data types, in order, as text."""
    return {name: str(dtype) for name, dtype in frame_schema.items()}


def schema_hash(schema: Mapping[str, str]) -> str:
    """sha256 of columns and data types, in order: another type, name or order gives another hash."""
    return _sha256(json.dumps(list(schema.items())))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(manifest: Manifest) -> dict[str, Any]:
    """Text, numbers, lists and mappings only."""
    told = asdict(manifest)
    for name in ("snapshot_at", "known_at"):
        told[name] = told[name] and told[name].isoformat()
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def _read(name: str, value: Any) -> Any:
    if name in {"snapshot_at", "known_at"}:
        return value and dt.datetime.fromisoformat(value)
    if name == "files":
        return tuple(ManifestFile(**one) for one in value)
    if name == "sources":
        return tuple(Source(**one) for one in value)
    if name == "version":
        return str(Version.parse(value))
    return tuple(value) if name in {"requires", "code_versions"} else value

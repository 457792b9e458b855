"""Published datasets: immutable, versioned sets of generations that consumers pin, resolve and verify."""

from tradepipe.datasets.errors import (
    DatasetError,
    IncompatibleError,
    MismatchError,
    RequirementError,
    UnknownVersionError,
    VersionExistsError,
)
from tradepipe.datasets.manifest import Manifest, ManifestFile, Source, schema_hash, schema_of
from tradepipe.datasets.reading import PublishedDataset, open_dataset
from tradepipe.datasets.registry import Registered, Registry
from tradepipe.datasets.resolving import Resolution, resolve
from tradepipe.datasets.snapshot import Terms, sources_of, take
from tradepipe.datasets.verifying import Finding, check, halt, verify
from tradepipe.datasets.versions import Range, Requirement, Version

__all__ = [
    "DatasetError",
    "Finding",
    "IncompatibleError",
    "Manifest",
    "ManifestFile",
    "MismatchError",
    "PublishedDataset",
    "Range",
    "Registered",
    "Registry",
    "Requirement",
    "RequirementError",
    "Resolution",
    "Source",
    "Terms",
    "UnknownVersionError",
    "Version",
    "VersionExistsError",
    "check",
    "halt",
    "open_dataset",
    "resolve",
    "schema_hash",
    "schema_of",
    "sources_of",
    "take",
    "verify",
]

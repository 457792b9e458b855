"""Is a published version still, to the byte, what its manifest says?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tradepipe.datasets.errors import MismatchError
from tradepipe.datasets.files import pinned_generations, scan, sha256_of
from tradepipe.datasets.manifest import Manifest, ManifestFile, schema_hash, schema_of
from tradepipe.datasets.registry import Registered, Registry
from tradepipe.store import Generation, PartitionStore
from tradepipe.store.content import content_hash
from tradepipe.store.tables import generations, pins

SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was. `partition` is None where it concerns none."""

    subject: str
    problem: str
    partition: str | None = None

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}"


def verify(registry: Registry, registered: Registered) -> list[Finding]:
    """Recompute everything: manifest, registration, pins, and of each file sha256, schema and content.

    Empty when all is as it was published.
    """
    try:
        manifest = registered.manifest
    except MismatchError as error:
        return [Finding(f"registration of {registered.name}", str(error))]
    return [
        *_manifest_findings(registry, registered, manifest),
        *_catalogue_findings(registry, registered, manifest),
        *_deep_findings(registry.store, manifest),
    ]


def check(store: PartitionStore, manifest: Manifest, files: Sequence[ManifestFile] | None = None) -> list[Finding]:
    """Recompute the sha256 of the manifest's files (or of some of them): what a read needs to be sure of."""
    return [found for _, _, found in _hashed(store, manifest.files if files is None else files) if found]


def halt(registry: Registry, manifest: Manifest, findings: Sequence[Finding]) -> None:
    """Stop when there are findings, and say what can be done.

    Raises:
        MismatchError: naming the files, and three remedies: refresh, downgrade, regenerate.
    """
    if not findings:
        return
    lines = [f"{manifest.name} is not what its manifest says, so nothing was read from it:"]
    lines += [f"  {finding}" for finding in findings[:SHOWN]]
    lines += [f"  … and {len(findings) - SHOWN} more"] if len(findings) > SHOWN else []
    lines += ["Choose one:", *(f"  {name:<11}{text}" for name, text in _remedies(registry, manifest))]
    raise MismatchError("\n".join(lines), [str(finding) for finding in findings])


def _remedies(registry: Registry, manifest: Manifest) -> Iterator[tuple[str, str]]:
    market, dataset = manifest.dataset.partition("/")[0], manifest.dataset
    versions = [one.version for one in registry.live(dataset)]
    newer = [version for version in versions if version > manifest.number]
    older = [version for version in versions if version < manifest.number]
    free = max([*versions, manifest.number]).next_patch
    yield (
        "refresh",
        f"take the newest version: tradepipe dataset resolve '{dataset}@{max(newer)}'"
        if newer
        else f"publish what is true now: tradepipe run --market {market} && "
        f"tradepipe dataset publish {dataset} --version {free}",
    )
    yield (
        "downgrade",
        f"take the version before: tradepipe dataset resolve '{dataset}@{max(older)}'"
        if older
        else f"there is no version before {manifest.version} to go back to",
    )
    yield "regenerate", f"make its files again from their inputs: tradepipe dataset regenerate {manifest.name}"


def _manifest_findings(registry: Registry, registered: Registered, manifest: Manifest) -> Iterator[Finding]:
    file = registry.folder / registered.file
    if not file.is_file():
        yield Finding(registered.file, "the manifest's file is missing; publishing the same version again restores it")
    elif file.read_bytes() != registered.text.encode():
        yield Finding(registered.file, "the manifest's file is not the one that was registered")
    told = (manifest.name, manifest.checksum, manifest.file_name)
    if told != (registered.name, registered.checksum, registered.file):
        yield Finding(f"registration of {registered.name}", "name, checksum or file differ from its manifest's")
    if schema_hash(manifest.schema) != manifest.schema_sha256:
        yield Finding(registered.file, "schema_sha256 is not the hash of its schema")


def _catalogue_findings(registry: Registry, registered: Registered, manifest: Manifest) -> Iterator[Finding]:
    if registered.retired_at is not None:
        return  # it holds nothing any more, and is not held to it
    table = generations.c
    columns = (table.id, table.partition, table.content, table.path, table.sha256)
    query = sa.select(*columns).join(pins, pins.c.generation_id == table.id).where(pins.c.holder == registered.name)
    with registry.store.catalogue.engine.connect() as connection:
        held = {row.id: row for row in connection.execute(query)}
    for file in manifest.files:
        found = held.get(file.generation)
        if found is None:
            yield Finding(file.path, f"generation {file.generation} is not pinned in the catalogue", file.partition)
            continue
        # A compacted generation lies in another file now; its rows are the same ones.
        bytes_differ = found.path == file.path and found.sha256 != file.sha256
        if bytes_differ or (found.partition, found.content) != (file.partition, file.content):
            yield Finding(file.path, f"generation {file.generation} differs in the catalogue", file.partition)


def _deep_findings(store: PartitionStore, manifest: Manifest) -> Iterator[Finding]:
    for file, generation, broken in _hashed(store, manifest.files):
        if broken is not None or generation is None:
            yield broken or Finding(file.path, "the file is missing", file.partition)
            continue
        frame = scan(store, [generation]).collect()
        if schema_hash(schema_of(frame.schema)) != manifest.schema_sha256:
            yield Finding(file.path, "its columns and types are not those of the manifest", file.partition)
        if (frame.height, content_hash(frame)) != (file.rows, file.content):
            yield Finding(file.path, "its rows do not have the content hash of the manifest", file.partition)


def _hashed(
    store: PartitionStore, files: Sequence[ManifestFile]
) -> Iterator[tuple[ManifestFile, Generation | None, Finding | None]]:
    """Each file with its generation and what is wrong with its bytes; one that many share is hashed once."""
    pinned = pinned_generations(store, files)
    seen: dict[str, str | None] = {}
    for file in files:
        generation = pinned.get(file.generation)
        if file.path not in seen:
            seen[file.path] = _sha256_if_there(store, generation)
        found = seen[file.path]
        if found is None:
            yield file, generation, Finding(file.path, "the file is missing", file.partition)
        elif found != file.sha256:
            problem = f"sha256 is {found}, the manifest says {file.sha256}"
            yield file, generation, Finding(file.path, problem, file.partition)
        else:
            yield file, generation, None


def _sha256_if_there(store: PartitionStore, generation: Generation | None) -> str | None:
    try:
        return None if generation is None else sha256_of(store, generation)
    except FileNotFoundError:
        return None

"""What the store speaks of: inputs, generations, and what became of a publication."""

import datetime as dt
from dataclasses import dataclass

HOT, COLD = "hot", "cold"
"""The tiers: the local disk, and what `store.cold.url` names."""


@dataclass(frozen=True)
class Input:
    """One thing a generation was computed from.

    `content` is the logical content hash of a partition, or the sha256 of a landing file;
    `generation` is the id of the generation read, None for what is no dataset of the store.
    """

    dataset: str
    partition: str
    content: str
    generation: int | None = None


@dataclass(frozen=True)
class Generation:
    """One immutable content of a partition.

    `path` is relative to the store's root and may be shared by generations of the same content.
    `size` is in bytes, `sha256` that of the file's bytes, `content` the hash of the rows: see
    `tradepipe.store.content`. `known_at` is the newest in the frame, if it has such a column. All
    times are UTC. `swept_at` says when the file was removed, long after the generation was superseded.
    `slice` is the number of its rows within a compacted file, None where the file holds them alone;
    `size` and `sha256` then are the compacted file's. `tier` is where the file is: HOT or COLD.
    """

    id: int
    dataset: str
    partition: str
    number: int
    path: str
    rows: int
    size: int
    sha256: str
    content: str
    contract: str
    contract_version: str
    code_version: str
    inputs_digest: str
    known_at: dt.datetime | None
    created_at: dt.datetime
    run_id: str | None
    superseded_at: dt.datetime | None
    swept_at: dt.datetime | None
    slice: int | None = None
    tier: str = HOT


@dataclass(frozen=True)
class Published:
    """What became of one partition: `changed` is False when nothing new was written.

    A generation is changed when its rows, its inputs' contents, the code version or the contract
    version differ from the one before; rows that are the same share the file.
    """

    generation: Generation
    changed: bool


@dataclass(frozen=True)
class Eviction:
    """A generation that retention took away: what its file was, by which policy and when (UTC)."""

    generation_id: int
    dataset: str
    partition: str
    path: str
    sha256: str
    rows: int
    policy: str
    reason: str
    evicted_at: dt.datetime

"""From frames to drafts: judged by their contract, in key order, hashed; nothing is written yet."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.contracts import Contract, validate
from tradepipe.contracts.validation import out_of_order, validate_parts
from tradepipe.store.content import content_hash, inputs_digest
from tradepipe.store.files import check_names
from tradepipe.store.model import Generation, Input

KNOWN_AT = "known_at"

_JUDGED_AT_ONCE = 1_000_000  # rows


@dataclass(frozen=True)
class Draft:
    """A partition that is ready to be written: a frame that keeps its contract, and its origin."""

    dataset: str
    partition: str
    frame: pl.DataFrame
    contract: Contract
    code_version: str
    inputs: tuple[Input, ...]
    content: str
    inputs_digest: str

    @property
    def key(self) -> tuple[str, str]:
        return self.dataset, self.partition

    @property
    def known_at(self) -> dt.datetime | None:
        """The newest `known_at` of the rows; None for no rows or no such column."""
        if KNOWN_AT not in self.frame.columns:
            return None
        newest = self.frame[KNOWN_AT].max()
        return newest if isinstance(newest, dt.datetime) else None

    def repeats(self, generation: Generation) -> bool:
        """Whether publishing it would say nothing that `generation` does not say."""
        return (
            self.content == generation.content
            and self.inputs_digest == generation.inputs_digest
            and self.code_version == generation.code_version
            and self.contract.name == generation.contract
            and self.contract.version == generation.contract_version
        )


def make_drafts(
    dataset: str,
    frames: Mapping[str, pl.DataFrame],
    contract: Contract,
    code_version: str,
    inputs: Mapping[str, Sequence[Input]],
) -> list[Draft]:
    """Drafts of all `frames`, sorted by partition.

    Raises:
        ContractError: for the first partition that breaks the contract.
        ValueError: for names that cannot be file names, and an input named twice.
    """
    check_names(dataset, frames)
    unknown = inputs.keys() - frames.keys()
    if unknown:
        raise ValueError(f"{dataset}: inputs are given for {', '.join(sorted(unknown))}, which is not published")
    drafts = []
    for partition, frame in sorted(_judged(dataset, frames, contract).items()):
        used = tuple(inputs.get(partition, ()))
        named = {(one.dataset, one.partition) for one in used}
        if len(named) != len(used):
            raise ValueError(f"{dataset} partition {partition}: an input is named twice: {used}")
        drafts.append(
            Draft(dataset, partition, frame, contract, code_version, used, content_hash(frame), inputs_digest(used))
        )
    return drafts


@dataclass(frozen=True)
class Companion:
    """Frames of another contract that are published beside a dataset, in the same transaction."""

    contract: Contract
    frames: Mapping[str, pl.DataFrame]


def complete(
    frames: Mapping[str, pl.DataFrame], companion: Companion, published: Mapping[str, Generation]
) -> dict[str, pl.DataFrame]:
    """The companion's frames to publish beside `frames`.

    They are the whole truth about the partitions in `frames`: what an earlier publication held there
    and this one does not is superseded by an empty frame. Empty frames that would supersede nothing
    are left out.
    """
    complete = {**dict.fromkeys(frames, companion.contract.empty()), **companion.frames}
    return {
        partition: frame
        for partition, frame in complete.items()
        if frame.height or (partition in published and published[partition].rows)
    }


def _judged(dataset: str, frames: Mapping[str, pl.DataFrame], contract: Contract) -> dict[str, pl.DataFrame]:
    market, layer = dataset.split("/")
    schema, columns = dict(contract.polars_schema), list(contract.column_names)
    arranged: dict[str, pl.DataFrame] = {}
    for partition, frame in frames.items():
        if type(frame) is not pl.DataFrame or dict(frame.schema) != schema:
            # Says what is wrong with the shape; only the order of columns and rows is ours to mend.
            validate(frame, contract, market=market, layer=layer, partition=partition)
        arranged[partition] = frame if frame.columns == columns else frame.select(columns)
    for batch in _batches(arranged):
        names = list(batch)
        mixed = out_of_order(pl.concat(batch.values()), contract.key, [frame.height for frame in batch.values()])
        for number in mixed:
            arranged[names[number]] = batch[names[number]] = contract.arrange(batch[names[number]])
        validate_parts(batch, contract, market=market, layer=layer, in_order=not mixed)
    return arranged


def _batches(frames: Mapping[str, pl.DataFrame]) -> Iterator[dict[str, pl.DataFrame]]:
    batch: dict[str, pl.DataFrame] = {}
    rows = 0
    for partition, frame in frames.items():
        if batch and rows + frame.height > _JUDGED_AT_ONCE:
            yield batch
            batch, rows = {}, 0
        batch[partition] = frame
        rows += frame.height
    if batch:
        yield batch

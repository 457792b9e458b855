"""One layer over one range of partitions: read its inputs, publish its frames, keep the lineage."""

import copy
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.bars.windows import by_partition
from tradepipe.chain.layers import LAYERS, Layer, contract_of, dataset
from tradepipe.contracts import Contract
from tradepipe.markets import Market
from tradepipe.observability import progress
from tradepipe.observability.meter import READ, WRITE, Measured, Meter
from tradepipe.store import Companion, Generation, Input, PartitionStore

PARTITION = "partition"

BATCH_ROWS = 1_000_000
"""Rows of an output that a batch of partitions may have: about what fits memory several times over."""


class Reports(list["PartitionReport"]):
    """What became of each partition of a run, and where the run's time went."""

    def __init__(self, reports: Iterable["PartitionReport"], measured: Measured) -> None:
        super().__init__(reports)
        self.measured = measured


class EvictedInputError(RuntimeError):
    """A published partition would be computed anew from inputs that retention took away."""


@dataclass(frozen=True)
class PartitionReport:
    """What became of one partition: its generation, and how many rows were refused on the way."""

    partition: str
    rows: int
    refused: int
    changed: bool
    content: str
    generation: int
    sha256: str


class LayerRun:
    """Reads and writes one layer of one market for the partitions `keys`.

    All inputs are fixed when the run begins: reading happens from the generations that the lineage
    will name, whatever is published meanwhile.
    """

    def __init__(
        self, store: PartitionStore, market: Market, layer: str, keys: Sequence[str], run_id: str | None = None
    ) -> None:
        self.store, self.market, self.keys, self.run_id = store, market, list(keys), run_id
        self._done, self._of = 0, len(self.keys)
        self.layer: Layer = LAYERS[layer]
        self.meter = Meter()
        progress.report(layer, 0, len(self.keys))
        self.contract = self.layer.contract(market)
        self._partitions = self.layer.input_partitions(market, self.keys)
        self._names = names = {read: dataset(market.name, read) for read in self._partitions}
        current = self.store.catalogue.current_of(list(names.values()))
        self._snapshot: dict[str, dict[str, Generation]] = {read: current[name] for read, name in names.items()}

    def read(self, layer: str, *, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Rows of the input `layer` for the whole range and its lookback, sorted by partition."""
        with self.meter.phase(READ):
            contract = contract_of(self.market, layer)
            rows = self.store.read_generations(self.generations(layer), contract, columns=columns)
        self.meter.rows[READ] += rows.height
        return rows

    def generations(self, layer: str) -> list[Generation]:
        """The generations of the input `layer` that this run reads, sorted by partition."""
        found = self._snapshot[layer]
        return [found[key] for key in self._wanted(layer) if key in found]

    def windows(self, layer: str) -> pl.DataFrame:
        """The anchored window of each partition in the input `layer`: see `tradepipe.bars.windows`."""
        return self.market.partitions.windows(self.keys, self.layer.reads(self.market)[layer])

    def spans(self) -> list[tuple[dt.date, dt.date]]:
        """First and last session of each partition."""
        return self.market.partitions.windows(self.keys, 0).select("first_session", "last_session").rows()

    def place(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with the `partition` that each row's session lies in."""
        return frame.with_columns(self.market.partitions.key_expr().alias(PARTITION))

    def grid(self, ahead: int) -> pl.DataFrame:
        """The bars that the calendar expects, from the range's first session to `ahead` bars beyond its last."""
        return self.market.grid(self.keys, ahead)

    def on_progress(self, _stage: str, done: int, total: int) -> None:
        """For a computation that is long: partitions computed, or sessions walked, of which none is published yet."""
        own = len(self.keys)
        computed = min(done * own // max(total, 1), own - 1)
        progress.report(self.layer.name, self._done + computed, self._of)

    def batches(self, rows_a_bar: int) -> "Iterator[LayerRun]":
        """The same run in parts of consecutive partitions, each to be published before the next is asked for.

        For a layer of which all partitions at once do not fit memory. What is published is the same: a partition is
        computed from its own window alone, and all parts read the generations that were fixed when the run began.

        Args:
            rows_a_bar: rows of the output for each bar of each symbol of the universe.
        """
        first, last = self.market.partitions.span(self.keys)
        bars = self.market.calendar.bar_counts(first, last, self.market.settings.interval)
        counts = dict(self.place(bars).group_by(PARTITION).agg(pl.sum("bars")).rows())
        each = len(self.market.universe.instruments) * rows_a_bar
        self._refuse_evicted()
        start, held = 0, 0
        for place, key in enumerate(self.keys):
            rows = counts.get(key, 0) * each
            if place > start and held + rows > BATCH_ROWS:
                yield self._part(start, place)
                start, held = place, 0
            held += rows
        yield self._part(start, len(self.keys))

    def in_batches(self, rows_a_bar: int, publish: "Callable[[LayerRun], Reports]") -> Reports:
        """Call `publish` with each of `batches`, and join what it reports."""
        reports = [one for part in self.batches(rows_a_bar) for one in publish(part)]
        return Reports(reports, self.meter.measured())

    def _part(self, start: int, stop: int) -> "LayerRun":
        part = copy.copy(self)
        part.keys, part._done = self.keys[start:stop], start  # noqa: SLF001 - of its own kind
        part._partitions = {  # noqa: SLF001
            read: {key: by_key[key] for key in part.keys} for read, by_key in self._partitions.items()
        }
        return part

    def inputs(self, key: str) -> list[Input]:
        """The generations that partition `key` is computed from."""
        return [
            Input(generation.dataset, generation.partition, generation.content, generation.id)
            for name, wanted in self._partitions.items()
            for partition in wanted[key]
            if (generation := self._snapshot[name].get(partition)) is not None
        ]

    def publish(
        self,
        frame: pl.DataFrame,
        *,
        refused: pl.DataFrame | None = None,
        beside: Mapping[str, tuple[Contract, pl.DataFrame]] | None = None,
        inputs: Mapping[str, Sequence[Input]] | None = None,
    ) -> Reports:
        """Publish `frame`, which has a `partition` column, as one generation a partition.

        A partition of the range without rows is published empty: it was computed, and is known to
        hold nothing. Each of `beside`, a contract and rows with a `partition` column, is published
        with it as `<layer>.<name>`.

        Raises:
            ContractError: when a frame breaks the layer's contract; nothing is published then.
            EvictedInputError: when what is published would be replaced by what is left of its inputs.
        """
        self._refuse_evicted()
        # The store brings what is out of order into the contract's; sorting what is sorted would cost more.
        frames = _of_keys(frame.select(*self.contract.column_names, PARTITION), self.keys)
        refusals = _of_keys(refused, self.keys, keep=True) if refused is not None else {}
        with self.meter.phase(WRITE):
            published = self.store.publish(
                dataset(self.market.name, self.layer.name),
                frames,
                self.contract,
                code_version=self.layer.code_version(self.market),
                inputs=inputs if inputs is not None else {key: self.inputs(key) for key in self.keys},
                run_id=self.run_id,
                refused=refusals or None,
                beside={
                    name: Companion(contract, _of_keys(rows.select(*contract.column_names, PARTITION), self.keys))
                    for name, (contract, rows) in (beside or {}).items()
                },
            )
        self.meter.rows[WRITE] += sum(part.height for part in frames.values())
        progress.report(self.layer.name, self._done + len(self.keys), self._of)
        reports = [
            PartitionReport(
                partition=key,
                rows=frames[key].height,
                refused=refusals[key].height if key in refusals else 0,
                changed=published[key].changed,
                content=published[key].generation.content,
                generation=published[key].generation.id,
                sha256=published[key].generation.sha256,
            )
            for key in self.keys
        ]
        return Reports(reports, self.meter.measured())

    def _refuse_evicted(self) -> None:
        lacking = [read for read in self._snapshot if not self._snapshot[read].keys() >= set(self._wanted(read))]
        gone = {(read, one.partition) for read in lacking for one in self.store.catalogue.evicted(self._names[read])}
        if not gone:
            return
        published = self.store.catalogue.current(dataset(self.market.name, self.layer.name), self.keys)
        for read, by_key in self._partitions.items():
            for key in published:
                if used := [f"{read} {one}" for one in by_key[key] if (read, one) in gone]:
                    raise EvictedInputError(
                        f"{self.market.name}/{self.layer.name} {key} is published, and retention took away what it "
                        f"was computed from: {', '.join(used)}. It stays as it is, nothing was published. Remedy: "
                        f"run the partitions after it, or materialise {used[0]} from its landing files first."
                    )

    def _wanted(self, layer: str) -> list[str]:
        return sorted({partition for wanted in self._partitions[layer].values() for partition in wanted})


def _of_keys(frame: pl.DataFrame, keys: Sequence[str], *, keep: bool = False) -> dict[str, pl.DataFrame]:
    parts = by_partition(frame, keep=keep)
    empty = frame.clear() if keep else frame.drop(PARTITION).clear()
    return {key: parts.get(key, empty) for key in keys}

"""The partition store: immutable Parquet files, and a catalogue that says which are current."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import sqlalchemy as sa

from tradepipe.contracts import QUARANTINE, Contract
from tradepipe.settings import PoolSettings
from tradepipe.store import as_of as past
from tradepipe.store import reading, sweeping
from tradepipe.store.belonging import claim
from tradepipe.store.catalogue import Catalogue
from tradepipe.store.cold import ColdTier, checksum, telling
from tradepipe.store.database import migrate, open_engine
from tradepipe.store.drafts import Companion, Draft, complete, make_drafts
from tradepipe.store.errors import DatasetNotFound, StoreError
from tradepipe.store.model import Generation, Input, Published
from tradepipe.store.parts import Addresses
from tradepipe.store.publication import Publication
from tradepipe.store.replica import ReplicaCatalogue

MIGRATIONS = Path(__file__).parent / "migrations" / "versions"
VERSION_TABLE = "catalogue_version"

_READ_ATTEMPTS = 5


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _pass(_step: str) -> None:
    """Between two steps of a publication nothing else happens."""


class PartitionStore:
    """Generations of partitions below `root`, committed in the catalogue behind `engine`.

    Readers and writers may be many, in many processes. `catalogue` is the truth; `reports` is the same
    on the read replica, where there is one. `checkpoint` is called with the name of each step of a
    publication ("written" and "renamed" after each file, "synced", "visible", "inserted",
    "committed"); it is how tests end a process at a chosen step.
    """

    def __init__(  # noqa: PLR0913 - where things are, and what tests watch
        self,
        root: Path,
        engine: sa.Engine,
        grace: dt.timedelta,
        *,
        clock: Callable[[], dt.datetime] = _utc_now,
        checkpoint: Callable[[str], None] = _pass,
        cold: ColdTier | None = None,
        replica: sa.Engine | None = None,
    ) -> None:
        self.root, self.grace, self.catalogue, self.cold = root, grace, Catalogue(engine), cold
        self.reports = ReplicaCatalogue(engine, replica) if replica is not None else self.catalogue
        self.addresses = Addresses(root, cold.address, cold.options) if cold is not None else Addresses(root)
        self._engine, self._clock, self._checkpoint = engine, clock, checkpoint

    @classmethod
    def open(  # noqa: PLR0913 - where things are, and how to reach them
        cls,
        root: Path,
        catalogue_url: str,
        grace: dt.timedelta,
        *,
        checkpoint: Callable[[str], None] = _pass,
        cold: ColdTier | None = None,
        pool: PoolSettings | None = None,
        replica_url: str | None = None,
    ) -> Self:
        """Open the store at `root`, making the folder and migrating the catalogue when that is needed.

        Raises:
            DatabaseUrlError: for an address that is neither SQLite nor PostgreSQL.
            MigrationError: when the catalogue belongs to a newer tradepipe.
            ForeignStoreError: when the folder belongs to another catalogue.
        """
        root.mkdir(parents=True, exist_ok=True)
        engine = open_engine(catalogue_url, durable=True, pool=pool)
        migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
        claim(root, engine)
        replica = open_engine(replica_url, durable=True, pool=pool) if replica_url else None
        return cls(root, engine, grace, checkpoint=checkpoint, cold=cold, replica=replica)

    def close(self) -> None:
        """Close the catalogue's connections; the store opens new ones if it is used again."""
        self._engine.dispose()
        if isinstance(self.reports, ReplicaCatalogue):
            self.reports.replica.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(
        self,
        dataset: str,
        partitions: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        symbols: Sequence[str] | None = None,
        as_of: dt.datetime | None = None,
    ) -> pl.DataFrame:
        """Rows of the current generations as of one moment, in partition order, each in its contract's order.

        Partitions that were not published are skipped. Data types are those of the contract. With
        `as_of`, a time with its zone, what was known and true then: see `tradepipe.store.as_of`.

        Raises:
            DatasetNotFound: when nothing of the dataset was ever published.
            StoreError: when the partitions differ in their columns.
            AsOfError: when the dataset cannot say what was known at `as_of`.
        """

        def attempt() -> pl.DataFrame:
            if as_of is not None:
                found = past.snapshot(self.catalogue, dataset)
                return past.read(self.addresses, found, partitions, as_of, columns=columns, symbols=symbols)
            current = list(self.catalogue.current(dataset, partitions).values())
            # No partition of those asked for: any file of the dataset knows the columns.
            shown = current or self.catalogue.newest(dataset, 1)
            if not shown:
                raise DatasetNotFound(dataset, self.catalogue.datasets())
            frame = reading.scan(self.addresses, shown, columns=columns, symbols=symbols)
            return reading.collect(frame if current else frame.head(0), dataset)

        return self._reading(dataset, attempt)

    def read_generations(
        self,
        generations: Sequence[Generation],
        contract: Contract,
        *,
        columns: Sequence[str] | None = None,
        symbols: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Rows of exactly these generations, in that order; the contract's columns and no rows for none.

        A snapshot taken from the catalogue stays readable while its generations are current, or
        superseded for less than the grace period.

        Raises:
            StoreError: when a file was swept, or the generations differ in their columns.
        """
        if not generations:
            return contract.empty().select(contract.column_names if columns is None else columns)

        def attempt(chosen: Sequence[Generation]) -> pl.DataFrame:
            frame = reading.scan(self.addresses, chosen, columns=columns, symbols=symbols)
            return reading.collect(frame, chosen[0].dataset)

        try:
            with telling(self.cold):
                try:
                    return attempt(generations)
                except FileNotFoundError:
                    # Compaction and tiers move rows to other files; the catalogue knows where they are now.
                    moved = self.catalogue.of_ids({one.id for one in generations})
                    return attempt([moved[one.id] for one in generations])
        except FileNotFoundError as error:
            raise StoreError(
                f"{generations[0].dataset}: a generation of this snapshot was superseded and swept ({error}). "
                "Remedy: run again; if it comes back, raise store.grace above the longest run."
            ) from error

    def latest(self, dataset: str, symbol: str, rows: int, *, as_of: dt.datetime | None = None) -> pl.DataFrame:
        """The last `rows` rows of `symbol`, in time order, all columns; fewer when there are no more.

        With `as_of`, those that were known and true then.

        Raises:
            DatasetNotFound: when nothing of the dataset was ever published.
            ValueError: when `rows` is less than one.
            AsOfError: when the dataset cannot say what was known at `as_of`.
        """
        if rows < 1:
            raise ValueError(f"{dataset} {symbol}: rows is {rows}, at least 1 is expected")

        def attempt() -> pl.DataFrame:
            if as_of is not None:
                known = past.snapshot(self.catalogue, dataset)
                return past.newest_as_of(self.addresses, *known, as_of, symbol=symbol, rows=rows)
            # A partition holds at least one row of nearly every symbol: as many paths as rows do,
            # and where they do not, the whole list is resolved anew, so that it stays one snapshot.
            for limit in (rows, None):
                newest = self.catalogue.newest(dataset, limit)
                if not newest:
                    raise DatasetNotFound(dataset, self.catalogue.datasets())
                found = reading.newest_rows(self.addresses, dataset, newest, symbol, rows)
                if found.height == rows or len(newest) < rows:
                    break
            return found

        return self._reading(dataset, attempt)

    def publish(  # noqa: PLR0913 - what is published, by which code, from what, for whom
        self,
        dataset: str,
        frames: Mapping[str, pl.DataFrame],
        contract: Contract,
        *,
        code_version: str,
        inputs: Mapping[str, Sequence[Input]],
        run_id: str | None = None,
        refused: Mapping[str, pl.DataFrame] | None = None,
        beside: Mapping[str, Companion] | None = None,
        on_progress: Callable[[str, int, int], None] | None = None,
    ) -> dict[str, Published]:
        """Publish a frame a partition, all of them or none.

        Every frame is validated before anything is written. `inputs` says what each partition was
        computed from; a partition without an entry had none. Rows, inputs' contents, code version
        and contract version that equal the current generation's write nothing; equal rows of other
        origin make a new generation that shares the file. `refused` (frames of the QUARANTINE
        contract) is published in the same transaction as dataset `<dataset>.quarantine`, and each of
        `beside` as `<dataset>.<its name>`; they then are the whole truth about these partitions: what
        stood there before and does not now is superseded. `on_progress` is called with (stage,
        partitions done, partitions in all).

        Concurrent publishers of a partition both succeed; the later commit is the current one.

        Raises:
            ContractError: naming market, partition, rules and example rows; nothing was written.
            ValueError: for names that cannot be file names, and an input named twice.
            StoreBusyError: when other writers hold the catalogue for a minute.
        """
        total, done = len(frames), 0
        report = on_progress or (lambda _stage, _done, _total: None)
        report("validate", 0, total)
        drafts = make_drafts(dataset, frames, contract, code_version, inputs)
        companions = dict(beside or {})
        if refused is not None:
            companions["quarantine"] = Companion(QUARANTINE, refused)
        for name, companion in companions.items():
            other = f"{dataset}.{name}"
            held = self.catalogue.current(other, [*frames, *companion.frames])
            kept = complete(frames, companion, held)
            origins = {partition: inputs[partition] for partition in kept if partition in inputs}
            drafts += make_drafts(other, kept, companion.contract, code_version, origins)

        def staged(draft: Draft) -> None:
            nonlocal done
            done += draft.dataset == dataset
            report("write", min(done, total - 1), total)

        publication = Publication(self._engine, self.root, drafts, run_id, self._clock, self._checkpoint, staged)
        published = publication.run() if drafts else {}
        report("commit", total, total)
        return {partition: published[dataset, partition] for partition in frames}

    def sha256(self, generation: Generation) -> str | None:
        """sha256 (hexadecimal) of the bytes of a generation's file as they are now; None when it is gone.

        Raises:
            ColdTierError: when it lies in the cold tier, which cannot be reached.
        """
        return checksum(self.root, self.cold, generation)

    def sweep(self, now: dt.datetime, *, dry_run: bool = False) -> list[str]:
        """Remove files superseded, or left by crashed writers, longer than the grace period ago.

        Returns the removed paths, relative to the root, then the addresses of those in the cold tier;
        with `dry_run`, those that would be removed. Never removes a current generation's file.

        Raises:
            ColdTierError: when the cold tier cannot be reached; what was to be removed on the disk is.
        """
        return sweeping.sweep(self._engine, self.root, now, self.grace, cold=self.cold, dry_run=dry_run)

    def _reading(self, dataset: str, attempt: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """Run `attempt`, again when a sweep overtook it between catalogue and file."""
        missing: FileNotFoundError | None = None
        for _ in range(_READ_ATTEMPTS):
            try:
                with telling(self.cold):
                    return attempt()
            except FileNotFoundError as error:
                if missing is not None and str(missing) == str(error):
                    break
                missing = error
        raise StoreError(
            f"{dataset}: the file of a current generation is missing ({missing}). "
            "Remedy: restore it from a backup, or materialise the partition again."
        ) from missing

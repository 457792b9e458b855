"""What arrived in the landing folder, and which partitions each file feeds.

A file is read once to learn its partitions; that is kept in the dataset `market/landing` under the
file's sha256, so that a run of one partition opens only the files that hold rows of it, and a
changed or new file makes exactly its partitions stale.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from tradepipe.chain.layers import LANDING_LAYER, dataset, fingerprint, quarantine_of, reading_settings
from tradepipe.contracts import LANDING, LANDING_SEEN, QUARANTINE, RAW_BARS, UNPLACED, Contract
from tradepipe.ingest import LandingFile, RawBars, raw_bars, scan
from tradepipe.ingest.content import CHANGED
from tradepipe.ingest.landing import FileState, Seen
from tradepipe.markets import Market
from tradepipe.store import Companion, Input, PartitionStore

INDEX = "index"  # the one partition of the landing dataset
SEEN = "seen"  # its companion
CODE_VERSION = "2"
IDENTITY = ["file", "sha256", "read_as"]
BYTES = ["file", "sha256"]

# A write within the clock tick of another leaves the file's times as they were: what was hashed so
# soon after a write is not trusted to be known by them. Two seconds is the coarsest tick in use.
_TICK_NS = 2_000_000_000


class LandingChangedError(RuntimeError):
    """A landing file changed between being listed and being read."""


@dataclass(frozen=True)
class LandingIndex:
    """The landing folder of one market at one moment."""

    market: Market
    files: tuple[LandingFile, ...]
    published: pl.DataFrame
    """LANDING rows as they were published last."""
    store: PartitionStore
    scanned_at: dt.datetime
    """When the folder was looked at (UTC): the arrival of what was not there before."""
    _started_ns: int = 0

    @classmethod
    def read(
        cls,
        folder: Path,
        market: Market,
        store: PartitionStore,
        *,
        now: dt.datetime | None = None,
        at_most: int | None = None,
    ) -> "LandingIndex":
        """Scan the folder and compare it with what was read before.

        `at_most` bounds the files of names never seen that are looked at, first names first: the others
        have not arrived yet as far as this index goes.

        `now` (UTC) is when files that are new, or have other bytes than before, arrived; default:
        the clock. A file keeps its arrival for as long as its bytes stay.
        """
        started, name = time.time_ns(), dataset(market.name, LANDING_LAYER)
        scanned_at = now or dt.datetime.now(dt.UTC)
        published = _published(store, name, LANDING)
        found = scan(folder, market.settings.source.pattern, _seen(_published(store, f"{name}.{SEEN}", LANDING_SEEN)))
        if at_most is not None:
            names = set(published["file"])
            fresh = [one for one in found if one.name not in names]
            later = {one.name for one in fresh[at_most:]}
            found = [one for one in found if one.name not in later]
        present = published.filter(pl.col("replaced_at").is_null()).unique(BYTES)
        arrivals = {(file, sha256): at for file, sha256, at in zip(*present.select(*BYTES, "arrived_at"), strict=True)}
        files = tuple(replace(one, arrived_at=arrivals.get((one.name, one.sha256), scanned_at)) for one in found)
        return cls(market, files, published, store, scanned_at, started)

    @cached_property
    def known(self) -> pl.DataFrame:
        """LANDING rows of files that were read before, by the same settings, and have not changed since."""
        present = self.published.filter(pl.col("replaced_at").is_null())
        return present.join(self._identities, on=IDENTITY, how="semi")

    @cached_property
    def replaced(self) -> pl.DataFrame:
        """LANDING rows of bytes that were there and are not now, where deliveries count from their arrival.

        What they said was known until then, and nothing in the folder says it any more: their raw bars
        are kept (decision 0009).
        """
        if self.market.settings.source.delivered.by != "arrival":
            return self.published.clear()
        was, there = pl.col("replaced_at").is_not_null(), self.published.filter(pl.col("replaced_at").is_null())
        gone = there.join(self._identities, on=BYTES, how="anti").filter(pl.col("rows") > 0)
        return pl.concat([self.published.filter(was), gone.with_columns(replaced_at=pl.lit(self.scanned_at))])

    @cached_property
    def unread(self) -> RawBars:
        """Rows of the files that are new or changed."""
        seen = set(self.known["file"].unique())
        return raw_bars([file for file in self.files if file.name not in seen], self.market)

    @cached_property
    def table(self) -> pl.DataFrame:
        """LANDING rows of all files: what was known, and what reading the rest has shown.

        Without files that moved while they were read: what their bytes say is not known.
        """
        rows = _count(self.unread.rows, "rows").join(
            _count(self.unread.refused.filter(pl.col("reason") != CHANGED), "refused"),
            ["file", "partition"],
            "full",
            coalesce=True,
        )
        fresh = rows.join(self._identities, on="file").with_columns(
            pl.col("rows", "refused").fill_null(0), replaced_at=pl.lit(None, LANDING.polars_schema["replaced_at"])
        )
        return LANDING.arrange(pl.concat([self.known, self.replaced, LANDING.arrange(fresh)]))

    @cached_property
    def _by_partition(self) -> dict[str, dict[tuple[str, str], str]]:
        name = dataset(self.market.name, LANDING_LAYER)
        gone = pl.col("replaced_at").is_not_null()
        told = pl.when(gone).then(pl.format("{} of {}", "file", "arrived_at")).otherwise("file")
        found: dict[str, dict[tuple[str, str], str]] = {}
        for file, sha256, partition in zip(*self.table.select(told, "sha256", "partition"), strict=True):
            found.setdefault(partition, {})[name, file] = sha256
        return found

    def contents(self, key: str) -> dict[tuple[str, str], str]:
        """(dataset, file) of each file with rows of partition `key` -> its sha256.

        Bytes that were replaced since are named `<file> of <arrival>`.
        """
        return self._by_partition.get(key, {})

    def inputs(self, key: str) -> list[Input]:
        """The files that partition `key` is read from, as lineage."""
        return [Input(name, file, sha256, None) for (name, file), sha256 in self.contents(key).items()]

    def rows_of(self, keys: Sequence[str]) -> RawBars:
        """Rows, refused rows and unread bars of the partitions `keys`, read from the files that hold them."""
        wanted = self.known.filter(pl.col("partition").is_in(keys))["file"].unique()
        again = raw_bars([file for file in self.files if file.name in set(wanted)], self.market)
        here = pl.col("partition").is_in(keys)
        _refuse_changed(pl.concat([again.refused, self.unread.refused]))
        rows = pl.concat([again.rows, self.unread.rows]).filter(here)
        kept = self._kept(keys)
        if kept.height:
            # Bytes that went and came back say it all again; one moment needs it once.
            rows = pl.concat([rows, kept.select(rows.columns)]).sort("delivered_at")
            rows = rows.unique(RAW_BARS.key, keep="last", maintain_order=True)
        return RawBars(
            rows=rows,
            refused=pl.concat([again.refused, self.unread.refused]).filter(here),
            unread=pl.concat([again.unread, self.unread.unread]).filter(here),
        )

    def _kept(self, keys: Sequence[str]) -> pl.DataFrame:
        """Published raw bars of `keys`, and their partition, that came with bytes that are gone."""
        came = {"file_sha256": "sha256", "delivered_at": "arrived_at"}
        gone = self.replaced.filter(pl.col("partition").is_in(keys))
        gone = gone.select("file", **{ours: pl.col(theirs) for ours, theirs in came.items()}).unique()
        if gone.is_empty():
            return RAW_BARS.empty().with_columns(partition=pl.lit(None, pl.String))
        found = self.store.catalogue.current(dataset(self.market.name, "raw_bars"), keys).values()
        rows = self.store.read_generations([one for one in found if one.contract_version == RAW_BARS.version], RAW_BARS)
        rows = rows.join(gone, on=["file", *came], how="semi")
        return rows.with_columns(self.market.partitions.key_expr().alias("partition"))

    @property
    def has_news(self) -> bool:
        """True if a file was read that the published index does not know as it is, or one is gone."""
        return not self.table.equals(self.published)

    def keep(self, store: PartitionStore, run_id: str | None) -> None:
        """Publish the index, and into quarantine the rows whose partition cannot be read."""
        name = dataset(self.market.name, LANDING_LAYER)
        unplaced = self.unread.refused.filter(pl.col("partition").is_null(), pl.col("reason") != CHANGED)
        kept = store.read_generations(list(store.catalogue.current(quarantine_of(name), [INDEX]).values()), QUARANTINE)
        still = kept.join(self.known.select("file").unique(), on="file", how="semi")
        # One digest, not an input a file: each of thousands of deliveries would write them all again.
        told = "\n".join(f"{file.name} {file.sha256}" for file in self.files)
        store.publish(
            name,
            {INDEX: self.table},
            LANDING,
            code_version=CODE_VERSION,
            inputs={INDEX: [Input(name, "files", hashlib.sha256(told.encode()).hexdigest(), None)]},
            run_id=run_id,
            refused={INDEX: QUARANTINE.arrange(pl.concat([still, QUARANTINE.arrange(unplaced)]))},
            beside={SEEN: Companion(LANDING_SEEN, {INDEX: self._states})},
        )

    @property
    def _states(self) -> pl.DataFrame:
        """LANDING_SEEN rows of the files whose state tells their bytes."""
        rows = [
            (file.name, file.sha256, *file.state)
            for file in self.files
            if file.state is not None and max(file.state.mtime_ns, file.state.ctime_ns) < self._started_ns - _TICK_NS
        ]
        return pl.DataFrame(rows, schema=LANDING_SEEN.polars_schema, orient="row")

    @cached_property
    def _identities(self) -> pl.DataFrame:
        """What a file must have in common with an earlier reading for that to be true of it still; its arrival."""
        read_as = fingerprint(reading_settings(self.market))
        rows = [(file.name, file.sha256, read_as, file.arrived_at) for file in self.files]
        schema = {name: LANDING.polars_schema[name] for name in (*IDENTITY, "arrived_at")}
        return pl.DataFrame(rows, schema=schema, orient="row")


def _published(store: PartitionStore, name: str, contract: Contract) -> pl.DataFrame:
    """The published index; empty where there is none, or one of another version of tradepipe."""
    current = store.catalogue.current(name, [INDEX]).values()
    return store.read_generations([one for one in current if one.contract_version == contract.version], contract)


def _seen(states: pl.DataFrame) -> Seen:
    columns = ["file", "sha256", *FileState._fields]
    return {file: (FileState(*state), sha256) for file, sha256, *state in zip(*states.select(columns), strict=True)}


def _refuse_changed(refused: pl.DataFrame) -> None:
    changed = refused.filter(pl.col("reason") == CHANGED)["file"].unique().sort()
    if len(changed):
        raise LandingChangedError(
            f"{', '.join(changed)}: the file changed while it was read, nothing was published. "
            "Remedy: run again once its delivery is complete."
        )


def _count(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    partition = pl.col("partition").fill_null(UNPLACED)
    return rows.group_by("file", partition).agg(pl.len().cast(pl.Int64).alias(name))

"""What arrived in the landing folder, and which partitions each file feeds.

A file is read once to learn its partitions; that is kept in the dataset `market/landing` under the
file's sha256, so that a run of one partition opens only the files that hold rows of it, and a
changed or new file makes exactly its partitions stale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from tradepipe.chain.layers import LANDING_LAYER, dataset, fingerprint, quarantine_of, reading_settings
from tradepipe.contracts import LANDING, QUARANTINE, UNPLACED
from tradepipe.ingest import LandingFile, RawBars, raw_bars, scan
from tradepipe.markets import Market
from tradepipe.store import Input, PartitionStore

INDEX = "index"  # the one partition of the landing dataset
CODE_VERSION = "1"
IDENTITY = ["file", "sha256", "read_as"]
CHANGED = "changed_while_reading"


class LandingChangedError(RuntimeError):
    """A landing file changed between being listed and being read."""


@dataclass(frozen=True)
class LandingIndex:
    """The landing folder of one market at one moment."""

    market: Market
    files: tuple[LandingFile, ...]
    published: pl.DataFrame
    """LANDING rows as they were published last."""

    @classmethod
    def read(cls, folder: Path, market: Market, store: PartitionStore) -> "LandingIndex":
        """Scan the folder and compare it with what was read before."""
        files = tuple(scan(folder, market.settings.source.pattern))
        name = dataset(market.name, LANDING_LAYER)
        before = store.read_generations(list(store.catalogue.current(name, [INDEX]).values()), LANDING)
        return cls(market, files, before)

    @cached_property
    def known(self) -> pl.DataFrame:
        """LANDING rows of files that were read before, by the same settings, and have not changed since."""
        return self.published.join(_identities(self.files, self.market), on=IDENTITY, how="semi")

    @cached_property
    def unread(self) -> RawBars:
        """Rows of the files that are new or changed."""
        seen = set(self.known["file"].unique())
        return raw_bars([file for file in self.files if file.name not in seen], self.market)

    @cached_property
    def table(self) -> pl.DataFrame:
        """LANDING rows of all files: what was known, and what reading the rest has shown."""
        rows = _count(self.unread.rows, "rows").join(
            _count(self.unread.refused, "refused"), ["file", "partition"], "full", coalesce=True
        )
        fresh = rows.join(_identities(self.files, self.market), on="file").with_columns(
            pl.col("rows", "refused").fill_null(0)
        )
        return LANDING.arrange(pl.concat([self.known, LANDING.arrange(fresh)]))

    @cached_property
    def _by_partition(self) -> dict[str, dict[tuple[str, str], str]]:
        name = dataset(self.market.name, LANDING_LAYER)
        found: dict[str, dict[tuple[str, str], str]] = {}
        for file, sha256, partition in zip(*self.table.select("file", "sha256", "partition"), strict=True):
            found.setdefault(partition, {})[name, file] = sha256
        return found

    def contents(self, key: str) -> dict[tuple[str, str], str]:
        """(dataset, file) of each file with rows of partition `key` -> its sha256."""
        return self._by_partition.get(key, {})

    def inputs(self, key: str) -> list[Input]:
        """The files that partition `key` is read from, as lineage."""
        return [Input(name, file, sha256, None) for (name, file), sha256 in self.contents(key).items()]

    def rows_of(self, keys: Sequence[str]) -> RawBars:
        """Rows and refused rows of the partitions `keys`, read from the files that hold them."""
        wanted = self.known.filter(pl.col("partition").is_in(keys))["file"].unique()
        again = raw_bars([file for file in self.files if file.name in set(wanted)], self.market)
        here = pl.col("partition").is_in(keys)
        _refuse_changed(pl.concat([again.refused, self.unread.refused]))
        return RawBars(
            rows=pl.concat([again.rows, self.unread.rows]).filter(here),
            refused=pl.concat([again.refused, self.unread.refused]).filter(here),
        )

    @property
    def has_news(self) -> bool:
        """True if a file was read that the published index does not know as it is, or one is gone."""
        return not self.table.equals(self.published)

    def keep(self, store: PartitionStore, run_id: str | None) -> None:
        """Publish the index, and into quarantine the rows whose partition cannot be read."""
        name = dataset(self.market.name, LANDING_LAYER)
        unplaced = self.unread.refused.filter(pl.col("partition").is_null())
        kept = store.read_generations(list(store.catalogue.current(quarantine_of(name), [INDEX]).values()), QUARANTINE)
        still = kept.join(self.known.select("file").unique(), on="file", how="semi")
        store.publish(
            name,
            {INDEX: self.table},
            LANDING,
            code_version=CODE_VERSION,
            inputs={INDEX: [Input(name, file.name, file.sha256, None) for file in self.files]},
            run_id=run_id,
            refused={INDEX: QUARANTINE.arrange(pl.concat([still, QUARANTINE.arrange(unplaced)]))},
        )


def _identities(files: Sequence[LandingFile], market: Market) -> pl.DataFrame:
    """What a file must have in common with an earlier reading for that to be true of it still."""
    read_as = fingerprint(reading_settings(market))
    rows = [(file.name, file.sha256, read_as) for file in files]
    return pl.DataFrame(rows, schema=dict.fromkeys(IDENTITY, pl.String), orient="row")


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

"""Raw bars of a market: all its landing files in one frame, and which file feeds which partition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.contracts import QUARANTINE
from tradepipe.ingest.judging import PARTITION, unread_bars
from tradepipe.ingest.landing import LandingFile
from tradepipe.ingest.ordering import in_order
from tradepipe.ingest.premature import part_premature
from tradepipe.ingest.reading import read_files
from tradepipe.markets import Market

# Files are parsed together while they are small, so that 240 monthly files cost about one parse.
BATCH_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class RawBars:
    """What the sources said.

    `rows`: the RAW_BARS columns and `partition`. `refused`: the QUARANTINE columns; `partition` is
    null where no valid one could be read. `unread`: the UNREAD_BARS columns and `partition`, see
    `tradepipe.ingest.reading`. The same bar twice, in one file or two, stays twice: raw
    says what the source said, and `tradepipe.bars.cleaning` decides.
    """

    rows: pl.DataFrame
    refused: pl.DataFrame
    unread: pl.DataFrame
    files: tuple[LandingFile, ...] = ()

    def landing_files_of(self, partition: str) -> list[tuple[str, str]]:
        """(file, sha256) of each file that gave rows, kept or refused, to `partition`, sorted."""
        here = pl.col(PARTITION) == partition
        names = pl.concat([frame.filter(here).get_column("file").unique() for frame in (self.rows, self.refused)])
        hashes = {file.name: file.sha256 for file in self.files}
        return [(name, hashes[name]) for name in names.unique().sort()]


def raw_bars(files: Sequence[LandingFile], market: Market) -> RawBars:
    """Read the landing files of `market`, by its own source settings.

    One bad file or row never stops the others; see `tradepipe.ingest.reading` for reasons.

    Raises:
        SourceError, UniverseError, CalendarError: the market's configuration cannot be used.
    """
    parsed = [read_files(batch, market.settings.source, market) for batch in _batches(files)]
    rows = parsed[0].rows if len(parsed) == 1 else in_order([part.rows for part in parsed])
    rows, premature = part_premature(rows, files, market)
    return RawBars(
        rows=rows,
        refused=QUARANTINE.arrange(pl.concat([*[part.refused for part in parsed], QUARANTINE.arrange(premature)])),
        unread=pl.concat([*[part.unread for part in parsed], unread_bars(premature, market)]),
        files=tuple(files),
    )


def _batches(files: Sequence[LandingFile]) -> Iterator[list[LandingFile]]:
    """Files in their order, in batches of at most BATCH_BYTES or one file; one empty batch for none."""
    batch: list[LandingFile] = []
    size = 0
    for file in files:
        if batch and size + file.size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    yield batch

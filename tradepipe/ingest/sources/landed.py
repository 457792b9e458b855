"""What has landed so far, seen from the names of the files: there is no other record of progress.

Files of one symbol lie in `<market>/<data>/<symbol>/`, each named by the open times of its first and
last row, UTC: `20250306T110000-20250405T090000.parquet`. What comes later under the same name with
other bytes has a mark of its content before the ending: `…~0f3a91c27be4.parquet`.
"""

import datetime as dt
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from tradepipe.ingest.sources.windows import time_of

ENDING = ".parquet"
_STAMP = "%Y%m%dT%H%M%S"
_SPAN = re.compile(r"(\d{8}T\d{6})-(\d{8}T\d{6})(~[0-9a-f]{12})?\.parquet")
MARK = re.compile(r"~[0-9a-f]{12}(?=\.|$)")


def folder_of(market: str, data: str, symbol: str) -> str:
    """Where files of `symbol` land, below the landing folder. Any symbol makes a safe folder name."""
    safe = urllib.parse.quote(symbol, safe="")
    return f"{market}/{data}/{'%2E' + safe[1:] if safe.startswith('.') else safe}"


def span_name(first: dt.datetime, last: dt.datetime) -> str:
    """File name of rows from `first` to `last` (open times, UTC)."""
    return f"{first:{_STAMP}}-{last:{_STAMP}}{ENDING}"


def marked(name: str, mark: str) -> str:
    """`name` with a mark of its content: `a/b.csv.gz` -> `a/b~mark.csv.gz`."""
    path = PurePosixPath(name)
    stem, dot, endings = path.name.partition(".")
    return str(path.with_name(f"{stem}~{mark}{dot}{endings}"))


def versions(folder: Path, name: str) -> list[Path]:
    """The landed file `name` and its later versions, sorted."""
    path = folder / name
    if not path.parent.is_dir():
        return []
    return sorted(other for other in path.parent.iterdir() if MARK.sub("", other.name) == path.name and other.is_file())


@dataclass(frozen=True)
class Landed:
    """The landing folder as far as `market`'s sources are concerned. `full`: act as if it were empty."""

    folder: Path
    market: str
    full: bool = False

    def spans(self, data: str, symbol: str) -> list[tuple[dt.datetime, dt.datetime, Path]]:
        """First and last open time (UTC) and path of each landed file, sorted."""
        folder = self.folder / folder_of(self.market, data, symbol)
        if not folder.is_dir():
            return []
        found = [(match, path) for path in folder.iterdir() if (match := _SPAN.fullmatch(path.name))]
        return sorted((_time(match[1]), _time(match[2]), path) for match, path in found)

    def newest(self, data: str, symbol: str) -> dt.datetime | None:
        """Open time (UTC) of the newest landed row; None where there is none, or all is asked for again."""
        return None if self.full else max((last for _, last, _ in self.spans(data, symbol)), default=None)

    def news(self, data: str, symbol: str, rows: pl.DataFrame, *, time: str) -> pl.DataFrame:
        """Those of `rows` that have not landed exactly so. `time`: their column of epoch milliseconds.

        What a venue says again in the same words is no news; a row that it restates is.
        """
        if rows.is_empty() or not self.full:
            return rows
        low, high = (time_of(moment) for moment in rows[time].sort().gather([0, -1]).to_list())
        paths = [path for first, last, path in self.spans(data, symbol) if first <= high and last >= low]
        if not paths:
            return rows
        latest = pl.concat([pl.read_parquet(path, glob=False) for path in paths])
        return rows.join(latest, on=rows.columns, how="anti", nulls_equal=True, maintain_order="left")


def _time(stamp: str) -> dt.datetime:
    return dt.datetime.strptime(stamp, _STAMP).replace(tzinfo=dt.UTC)

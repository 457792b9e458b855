"""What has landed so far, seen from the names of the files: there is no other record of progress.

Files of one symbol lie in `<market>/<data>/<symbol>/`, each named by the open times of its first and
last row, UTC: `20250306T110000-20250405T090000.parquet`. What a source says anew of times that have
landed lies in `restated-000001` and so on below, and what comes later under the same name with other
bytes has a mark before the ending, its number and a digest: `…~0001c27be4a0.parquet`. So of two files
with a row of one time the later one by name is the later word.
"""

import datetime as dt
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from tradepipe.ingest.sources.windows import time_of

ENDING = ".parquet"
_STAMP = "%Y%m%dT%H%M%S"
_SPAN = re.compile(r"(\d{8}T\d{6})-(\d{8}T\d{6})(~[0-9a-f]{12})?\.parquet")
MARK = re.compile(r"~([0-9a-f]{4})[0-9a-f]{8}(?=\.|$)")
_RESTATED = re.compile(r"restated-(\d{6})")


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


def version_name(name: str, before: Sequence[Path], digest: str) -> str:
    """`name` with a mark that sorts after those of the versions `before`."""
    numbers = [int(match[1], 16) for path in before if (match := MARK.search(path.name))]
    return marked(name, f"{min(max(numbers, default=0) + 1, 0xFFFF):04x}{digest[:8]}")


def versions(folder: Path, name: str) -> list[Path]:
    """The landed file `name` and its later versions, the newest last."""
    path = folder / name
    return versions_in(path.parent).get(path.name, [])


def versions_in(folder: Path) -> dict[str, list[Path]]:
    """Each name in `folder` -> the landed file of it and its later versions, the newest last."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file():
            found.setdefault(MARK.sub("", path.name), []).append(path)
    return found


@dataclass(frozen=True)
class Landed:
    """The landing folder as far as `market`'s sources are concerned. `full`: act as if it were empty."""

    folder: Path
    market: str
    full: bool = False

    def spans(self, data: str, symbol: str) -> list[tuple[dt.datetime, dt.datetime, Path]]:
        """First and last open time (UTC) and path of each landed file, sorted."""
        folder = self.folder / folder_of(self.market, data, symbol)
        found = [(match, path) for path in folder.rglob("*" + ENDING) if (match := _SPAN.fullmatch(path.name))]
        return sorted((_time(match[1]), _time(match[2]), path) for match, path in found)

    def name(self, data: str, symbol: str, first: dt.datetime, last: dt.datetime) -> str:
        """Name of a file with rows from `first` to `last` (UTC); it sorts after the landed ones of such times."""
        first, last = first.replace(microsecond=0), last.replace(microsecond=0)
        numbers = [_number(path) for start, stop, path in self.spans(data, symbol) if start <= last and stop >= first]
        # A file that has landed under the very name is told from a later one by its bytes.
        again = f"restated-{max(numbers) + 1:06d}/" if self.full and numbers else ""
        return f"{folder_of(self.market, data, symbol)}/{again}{span_name(first, last)}"

    def newest(self, data: str, symbol: str) -> dt.datetime | None:
        """Open time (UTC) of the newest landed row; None where there is none, or all is asked for again."""
        return None if self.full else max((last for _, last, _ in self.spans(data, symbol)), default=None)

    def news(self, data: str, symbol: str, rows: pl.DataFrame, *, time: str) -> pl.DataFrame:
        """Those of `rows` that have not landed exactly so. `time`: their column of epoch milliseconds.

        What a venue says again in the same words is no news; a row that it restates is.
        """
        if rows.is_empty() or not self.full:
            return rows
        low, high = (time_of(moment).replace(microsecond=0) for moment in rows[time].sort().gather([0, -1]).to_list())
        paths = sorted(path for first, last, path in self.spans(data, symbol) if first <= high and last >= low)
        parts = [_readable(path, rows) for path in paths]
        words = [part.with_columns(pl.lit(place).alias("place")) for place, part in enumerate(parts)]
        if not words:
            return rows
        latest = pl.concat(words).filter(pl.col("place") == pl.col("place").max().over(time)).drop("place")
        return rows.join(latest, on=rows.columns, how="anti", nulls_equal=True, maintain_order="left")


def _readable(path: Path, like: pl.DataFrame) -> pl.DataFrame:
    """The file's rows in the columns of `like`; none of a file that is broken: what it held is asked for again."""
    try:
        return pl.read_parquet(path, glob=False).select(like.columns).match_to_schema(like.schema)
    except (pl.exceptions.PolarsError, OSError):
        return like.clear()


def _number(path: Path) -> int:
    found = _RESTATED.fullmatch(path.parent.name)
    return int(found[1]) if found else 0


def _time(stamp: str) -> dt.datetime:
    return dt.datetime.strptime(stamp, _STAMP).replace(tzinfo=dt.UTC)

"""Bringing what a market's source has and the landing folder has not: each file as it comes."""

import errno
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tradepipe.ingest.sources.choose import landed_of, source_of
from tradepipe.ingest.sources.landing import land
from tradepipe.ingest.sources.model import Delivery, Failure, SourceFailedError
from tradepipe.markets import Market
from tradepipe.store import PartitionStore

UNFIT = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.EINVAL, errno.EILSEQ})
"""What the system says of a name; everything else is about the disk, and ends the ingest."""
RENAME = "give it a name at the source that is a path of plain parts, each no longer than 255 bytes"
SHOWN = 300


@dataclass
class Ingested:
    """What became of one market's ingest. What failed is asked for again by the next one.

    `fetched` counts deliveries, `rows` their rows where the source looks inside; `landed` are the paths
    of the files that are new, in the order in which they came.
    """

    market: str
    fetched: int = 0
    rows: int = 0
    landed: list[Path] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    by_symbol: Counter[str] = field(default_factory=Counter)
    has_source: bool = True


def ingest(
    market: Market, store: PartitionStore, folder: Path, *, full: bool = False, limit: int | None = None
) -> Ingested:
    """Land below `folder` what `market`'s source has and the landing folder has not; with `full`, ask for all again.

    At most `limit` files. What was fetched lands at once, so an interrupted ingest goes on where it
    stopped. A failure of one symbol or object, or of the whole source, is in `failures`.
    """
    done = Ingested(market.name)
    source = source_of(market, store)
    if source is None:
        done.has_source = False
        return done
    try:
        _take(source.deliveries(landed_of(folder, market, full=full), limit=limit), folder, done)
    except SourceFailedError as error:
        reason, _, remedy = str(error).partition(" Remedy: ")
        done.failures.append(Failure(market.name, reason.rstrip("."), remedy.rstrip(".")))
    finally:
        source.close()
    return done


def _take(found: Iterable[Delivery | Failure], folder: Path, done: Ingested) -> None:
    for one in found:
        if isinstance(one, Failure):
            done.failures.append(one)
            continue
        try:
            new = land([one], folder)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in UNFIT:
                raise
            done.failures.append(Failure(one.name[:SHOWN], f"no name for a file here ({error})"[:SHOWN], RENAME))
            continue
        done.landed += new
        done.fetched += 1
        done.rows += one.rows or 0
        done.by_symbol[one.symbol or one.name] += len(new)

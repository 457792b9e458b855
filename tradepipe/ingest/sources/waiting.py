"""Whether a source can have what has not landed, told by a digest that changes with what is waiting."""

import datetime as dt
import hashlib
from pathlib import Path

from tradepipe.ingest.sources.choose import source_of
from tradepipe.ingest.sources.landed import Landed
from tradepipe.ingest.sources.model import Delivery
from tradepipe.ingest.sources.windows import milliseconds
from tradepipe.markets import Market
from tradepipe.store import PartitionStore


def waiting(market: Market, store: PartitionStore, folder: Path, now: dt.datetime) -> str | None:
    """A digest of what waits at `market`'s source at `now` (aware); None where nothing does.

    A venue is not asked: what its calendar lets exist is compared with what landed below `folder`. Of
    a bucket all that waits is told, so that one object that cannot land does not hide the next. A
    replay is looked at up to its first delivery.

    Raises:
        SourceFailedError: the source cannot be looked at.
    """
    landed = Landed(folder, market.name)
    kind = market.settings.fetch.kind
    if kind == "venue":
        told = _at_venue(market, landed, now)
    else:
        told = _in_bucket(market, landed) if kind == "s3" else _first(market, store, landed)
    # Two markets may wait for the same.
    return hashlib.sha256(f"{market.name}\n{told}".encode()).hexdigest()[:16] if told else None


def _at_venue(market: Market, landed: Landed, now: dt.datetime) -> str:
    from tradepipe.ingest.sources.venue.kinds import KINDS  # noqa: PLC0415 - only where a venue is used

    # A bar can be known once the market's delay has passed, so nobody is asked for it before.
    moment = int((now - market.settings.publication_delay).timestamp() * 1000)
    step = milliseconds(market.settings.interval)
    spans = [
        (data, symbol, start, stop // step)
        for data in market.settings.fetch.data
        for symbol in market.universe.symbols
        if (span := KINDS[data](market).missing(landed, symbol, moment)) is not None
        for start, stop in [span]
    ]
    return "\n".join(map(str, spans))


def _in_bucket(market: Market, landed: Landed) -> str:
    from tradepipe.ingest.sources.s3 import S3Source  # noqa: PLC0415 - only where a bucket is used

    source = S3Source(market)
    try:
        return "\n".join(source.waiting(landed))
    finally:
        source.close()


def _first(market: Market, store: PartitionStore, landed: Landed) -> str:
    source = source_of(market, store)
    if source is None:
        return ""
    try:
        for found in source.deliveries(landed, limit=1):
            if isinstance(found, Delivery):
                content = found.content if isinstance(found.content, bytes) else found.content.read_bytes()
                return f"{found.name} {hashlib.sha256(content).hexdigest()}"
    finally:
        source.close()
    return ""

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

    A venue is not asked: what its calendar lets exist is compared with what landed below `folder`.
    Other sources are looked at up to their first delivery.

    Raises:
        SourceFailedError: the source cannot be looked at.
    """
    landed = Landed(folder, market.name)
    told = _at_venue(market, landed, now) if market.settings.fetch.kind == "venue" else _first(market, store, landed)
    return hashlib.sha256(told.encode()).hexdigest()[:16] if told else None


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

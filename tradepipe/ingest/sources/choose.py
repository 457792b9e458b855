"""Which source a market has: its settings say."""

from pathlib import Path

from tradepipe.ingest.sources.landed import Landed
from tradepipe.ingest.sources.model import Source
from tradepipe.markets import Market
from tradepipe.store import PartitionStore


def source_of(market: Market, store: PartitionStore) -> Source | None:
    """The source behind `market.settings.fetch`; None where others deliver the files.

    Nothing is asked or opened before `deliveries` is iterated over.
    """
    kind = market.settings.fetch.kind
    if kind == "venue":
        from tradepipe.ingest.sources.venue import VenueSource  # noqa: PLC0415 - each source imports its own

        return VenueSource(market)
    if kind == "s3":
        from tradepipe.ingest.sources.s3 import S3Source  # noqa: PLC0415

        return S3Source(market)
    if kind == "replay":
        from tradepipe.ingest.sources.stored import ReplaySource  # noqa: PLC0415

        return ReplaySource(market, store)
    return None


def landed_of(folder: Path, market: Market, *, full: bool = False) -> Landed:
    """What has landed for `market` below `folder`; `full`, or `fetch.incremental: false`: all is asked for again."""
    return Landed(folder, market.name, full=full or not market.settings.fetch.incremental)

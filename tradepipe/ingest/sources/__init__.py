"""Sources: what brings files to the landing folder. Each passes tests/ingest_sources/test_conformance.py."""

from tradepipe.ingest.sources.choose import landed_of, source_of
from tradepipe.ingest.sources.events import MarketEvent, market_event_schema, replay
from tradepipe.ingest.sources.landed import Landed
from tradepipe.ingest.sources.landing import UnsafeNameError, land
from tradepipe.ingest.sources.model import Delivery, Failure, Source, SourceFailedError
from tradepipe.ingest.sources.waiting import waiting

__all__ = [
    "Delivery",
    "Failure",
    "Landed",
    "MarketEvent",
    "Source",
    "SourceFailedError",
    "UnsafeNameError",
    "land",
    "landed_of",
    "market_event_schema",
    "replay",
    "source_of",
    "waiting",
]

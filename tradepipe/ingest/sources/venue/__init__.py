"""Venues through ccxt. Importing this does not import ccxt."""

from tradepipe.ingest.sources.venue.credentials import variables
from tradepipe.ingest.sources.venue.source import VenueSource

__all__ = ["VenueSource", "variables"]

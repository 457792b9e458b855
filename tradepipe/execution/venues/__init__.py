"""Venues: what the gateway may ask of one, and the paper venue."""

from tradepipe.execution.venues.base import (
    DUPLICATE_ID,
    Ack,
    EndReport,
    FillReport,
    Reject,
    Report,
    Venue,
    VenueOrder,
)
from tradepipe.execution.venues.paper import PaperVenue

__all__ = [
    "DUPLICATE_ID",
    "Ack",
    "EndReport",
    "FillReport",
    "PaperVenue",
    "Reject",
    "Report",
    "Venue",
    "VenueOrder",
]

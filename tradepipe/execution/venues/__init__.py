"""Venues: what the gateway may ask of one, and the paper venue."""

from tradepipe.execution.venues.base import Ack, EndReport, FillReport, Reject, Report, Venue, VenueOrder
from tradepipe.execution.venues.paper import PaperVenue

__all__ = ["Ack", "EndReport", "FillReport", "PaperVenue", "Reject", "Report", "Venue", "VenueOrder"]

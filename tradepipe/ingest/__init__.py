"""Ingest: from landing files to raw bars and quarantine. Nothing that arrived is lost."""

from tradepipe.ingest.landing import LandingError, LandingFile, scan
from tradepipe.ingest.raw_bars import RawBars, raw_bars
from tradepipe.ingest.reading import Parsed, read_file, read_files
from tradepipe.ingest.times import SourceError
from tradepipe.ingest.vendor import VendorDataError, write_demo_files

__all__ = [
    "LandingError",
    "LandingFile",
    "Parsed",
    "RawBars",
    "SourceError",
    "VendorDataError",
    "raw_bars",
    "read_file",
    "read_files",
    "scan",
    "write_demo_files",
]

"""Derivatives: funding, mark prices, open interest and order books of perpetual futures. Pure, but for the reader."""

from tradepipe.derivatives.aggregation import FUNDING_RULES, MARK_PRICE_RULES, aggregate
from tradepipe.derivatives.files import Landed, Parsed, read_files
from tradepipe.derivatives.gaps import gaps
from tradepipe.derivatives.joining import LIMITS, with_funding, with_outside
from tradepipe.derivatives.reader import MetricReader

__all__ = [
    "FUNDING_RULES",
    "LIMITS",
    "MARK_PRICE_RULES",
    "Landed",
    "MetricReader",
    "Parsed",
    "aggregate",
    "gaps",
    "read_files",
    "with_funding",
    "with_outside",
]

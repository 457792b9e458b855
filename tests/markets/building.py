"""Markets for tests, with any settings and any symbols."""

import datetime as dt

from tradepipe.markets import Instrument, Market, Universe
from tradepipe.settings.models import MarketSettings
from tradepipe.settings.sources import FileSource

DAILY = {
    "name": "here",
    "description": "a market for tests",
    "currency": "USD",
    "calendar": "XNYS",
    "interval": "1d",
    "partition": "month",
    "start": dt.date(1999, 1, 1),
    "end": dt.date(2018, 12, 31),
    "universe": "us_indices",
    "source": FileSource(pattern="*.csv", symbol_column="Symbol"),
    "indicators": ("returns",),
}
MINUTES = {
    "calendar": "24/7",
    "interval": "1m",
    "partition": "session",
    "source": FileSource(pattern="*.csv", symbol_column="Symbol", time_format="%Y-%m-%dT%H:%M:%SZ"),
}


def build_market(symbols=None, **changes):
    """A daily XNYS market with `changes`; `symbols`, where given, are its universe instead of the file's."""
    market = Market(MarketSettings(**(DAILY | changes)))
    if symbols is not None:
        listed = tuple(Instrument(symbol=symbol, name=symbol, lot="1", tick="0.01") for symbol in symbols)
        market.__dict__["universe"] = Universe(name="listed", version="1.0.0", instruments=listed)
    return market

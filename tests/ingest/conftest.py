import datetime as dt
import gzip

import hypothesis
import pytest

from tradepipe.ingest import read_file, scan
from tradepipe.markets import Instrument, Market, Universe
from tradepipe.settings.models import FileSource, MarketSettings

# The machine's speed is nothing a test may fail on, and a calendar is read within the first example.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def market():
    """Builds a market; `symbols` replaces its universe, other words change its settings."""

    def build(symbols=None, **changes):
        settings = {
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
        built = Market(MarketSettings(**(settings | changes)))
        if symbols is not None:
            listed = tuple(Instrument(symbol=symbol, name=symbol, lot="1", tick="0.01") for symbol in symbols)
            built.__dict__["universe"] = Universe(name="listed", version="1.0.0", instruments=listed)
        return built

    return build


@pytest.fixture
def read(tmp_path, market):
    """Writes one delivery and reads it: `read(text)` or `read(bytes, name=..., market=...)`."""

    def write_and_read(content, name="delivery.csv", into=None):
        content = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        (file,) = scan(tmp_path, name)
        target = into or market()
        return read_file(file, target.settings.source, target)

    return write_and_read

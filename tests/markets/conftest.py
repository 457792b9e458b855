import datetime as dt

import hypothesis
import pytest

from tradepipe.markets import Market, PartitionScheme, calendar_for
from tradepipe.settings.models import FileSource, MarketSettings

# The machine's speed is nothing a test may fail on, and a calendar is read within the first example.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def xnys():
    return calendar_for("XNYS")


@pytest.fixture(scope="session")
def months(xnys):
    return PartitionScheme("month", xnys, dt.date(1999, 1, 1), dt.date(2018, 12, 31))


@pytest.fixture(scope="session")
def market():
    def build(**changes):
        settings = {
            "name": "here",
            "description": "a market for tests",
            "currency": "USD",
            "calendar": "XNYS",
            "interval": "1d",
            "partition": "session",
            "start": dt.date(2015, 1, 1),
            "end": dt.date(2018, 12, 31),
            "universe": "us_indices",
            "source": FileSource(pattern="*.csv"),
            "indicators": ("returns",),
        }
        return Market(MarketSettings(**(settings | changes)))

    return build

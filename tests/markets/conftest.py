import datetime as dt

import hypothesis
import pytest

from tests.markets.building import build_market
from tradepipe.markets import PartitionScheme, calendar_for

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
        return build_market(**({"partition": "session", "start": dt.date(2015, 1, 1)} | changes))

    return build

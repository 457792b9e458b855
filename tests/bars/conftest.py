import hypothesis
import pytest

from tests.markets.building import build_market

# The machine's speed is nothing a test may fail on, and a calendar is read within the first example.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def market():
    return build_market

import pytest

from tests.programs import Tradepipe


@pytest.fixture(scope="session")
def forked():
    """`tradepipe` in a process of its own that need not import."""
    made = Tradepipe()
    yield made
    made.close()

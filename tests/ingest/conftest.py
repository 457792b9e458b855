import gzip

import hypothesis
import pytest

from tests.markets.building import build_market
from tradepipe.ingest import read_file, scan

# The machine's speed is nothing a test may fail on, and a calendar is read within the first example.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def market():
    return build_market


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

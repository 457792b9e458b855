"""The same tests on SQLite and on PostgreSQL."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradepipe.store import PartitionStore

GRACE = dt.timedelta(hours=1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[PartitionStore]:
    """An empty store."""
    with PartitionStore.open(tmp_path / "store", database_url, GRACE) as opened:
        yield opened

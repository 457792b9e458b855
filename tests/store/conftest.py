"""The same tests on SQLite and on PostgreSQL."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradepipe.store import PartitionStore

GRACE = dt.timedelta(hours=1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database; where the test asks for a store too, of one whose tables are there."""
    file = tmp_path / "catalogue.sqlite"
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    if "store" in request.fixturenames:
        shutil.copyfile(request.getfixturevalue("migrated"), file)
    return f"sqlite:///{file}"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue without rows: making its tables takes as long as the rest of a small test."""
    folder = tmp_path_factory.mktemp("migrated")
    PartitionStore.open(folder / "store", f"sqlite:///{folder / 'catalogue.sqlite'}", GRACE).close()
    return folder / "catalogue.sqlite"


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[PartitionStore]:
    """An empty store."""
    with PartitionStore.open(tmp_path / "store", database_url, GRACE) as opened:
        yield opened

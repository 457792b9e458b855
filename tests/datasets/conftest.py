"""A store with two months of a dataset, and its registry, on both databases."""

import datetime as dt

import pytest

from tests.datasets.samples import Shop
from tradepipe.store import PartitionStore

GRACE = dt.timedelta(hours=1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request, tmp_path) -> str:
    """Address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def any_shop(database_url, tmp_path):
    """On each database."""
    with PartitionStore.open(tmp_path / "store", database_url, GRACE) as store:
        yield Shop.in_store(store, tmp_path / "manifests")


@pytest.fixture
def shop(tmp_path):
    """On SQLite."""
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path / 'catalogue.sqlite'}", GRACE) as store:
        yield Shop.in_store(store, tmp_path / "manifests")

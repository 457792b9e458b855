"""A model registry on each database."""

import pytest

from tests.forecasting.registry.making import NOW
from tradepipe.forecasting.registry import ModelRegistry


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def models_url(request, tmp_path) -> str:
    """Address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'models.sqlite'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def registry(models_url):
    """On each database."""
    opened = ModelRegistry.open(models_url, clock=lambda: NOW)
    yield opened
    opened.close()

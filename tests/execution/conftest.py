from collections.abc import Iterator

import pytest

from tests.execution.scenes import Scene


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def journal_url(request, tmp_path) -> str:
    """A journal's address on each back end."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.sqlite'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def scene(tmp_path) -> Iterator[Scene]:
    """Two symbols over forty sessions, with an SQLite journal and a paper venue."""
    with Scene(f"sqlite:///{tmp_path / 'journal.sqlite'}", f"sqlite:///{tmp_path / 'venue.sqlite'}") as made:
        yield made


@pytest.fixture
def any_scene(journal_url, tmp_path) -> Iterator[Scene]:
    """The same with the journal on each back end."""
    with Scene(journal_url, f"sqlite:///{tmp_path / 'venue.sqlite'}") as made:
        yield made

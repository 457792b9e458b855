"""Pinned generations keep their files."""

import datetime as dt

import pytest
import sqlalchemy as sa

from tests.store.samples import DATASET, SMALL, small
from tradepipe.store import StoreError, writing
from tradepipe.store.pins import holders_of, pin, unpin
from tradepipe.store.tables import generations

LATER = dt.timedelta(days=400)


def replaced(store, *values):
    """Generations of one partition, one a value; all but the last are superseded."""
    for value in values:
        store.publish(DATASET, {"2024-01": small(value=value)}, SMALL, code_version="1", inputs={})
    return store.catalogue.history(DATASET, "2024-01")


def sweep(store):
    return store.sweep(dt.datetime.now(dt.UTC) + LATER)


def hold(store, holder, *generations):
    with writing(store.catalogue.engine) as connection:
        pin(connection, holder, {one.id: one.path for one in generations}, dt.datetime.now(dt.UTC))


def test_the_sweep_leaves_pinned_files_alone_until_the_last_holder_lets_go(store):
    first, second, _ = replaced(store, 1.0, 2.0, 3.0)
    hold(store, "a@1.0.0", first)
    hold(store, "b@1.0.0", first)
    assert sweep(store) == [second.path]
    with writing(store.catalogue.engine) as connection:
        assert holders_of(connection, first.id) == ["a@1.0.0", "b@1.0.0"]
        assert unpin(connection, "a@1.0.0") == 1
    assert sweep(store) == []
    with writing(store.catalogue.engine) as connection:
        unpin(connection, "b@1.0.0")
    assert sweep(store) == [first.path]


def test_a_file_shared_with_a_pinned_generation_stays(store):
    replaced(store, 1.0)
    store.publish(DATASET, {"2024-01": small(value=1.0)}, SMALL, code_version="2", inputs={})
    first, same, _ = replaced(store, 2.0)
    assert first.path == same.path
    hold(store, "a@1.0.0", same)
    assert sweep(store) == []


def test_what_was_swept_cannot_be_pinned(store):
    first, _ = replaced(store, 1.0, 2.0)
    sweep(store)
    with pytest.raises(StoreError, match=f"generation {first.id} is gone or replaced.*Remedy"):
        hold(store, "a@1.0.0", first)
    with store.catalogue.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM pins")) == 0


def test_a_pinned_file_stays_when_its_generation_moves_to_another_file(store):
    (first,) = replaced(store, 1.0)
    hold(store, "a@1.0.0", first)
    other = first.path.replace("2024-01-", "2024-01-c")
    (store.root / other).write_bytes((store.root / first.path).read_bytes())
    with writing(store.catalogue.engine) as connection:
        connection.execute(sa.update(generations).values(path=other))
    assert sweep(store) == []
    with pytest.raises(StoreError, match="replaced"):
        hold(store, "b@1.0.0", first)
    with writing(store.catalogue.engine) as connection:
        unpin(connection, "a@1.0.0")
    assert sweep(store) == [first.path]

"""kill -9 after each step of a publication: the old or the new generations, never a mix."""

import datetime as dt
import signal

import polars as pl
import pytest

from tests.store.samples import DATASET, SMALL, files, small
from tests.store.workers import GRACE, publish_and_die, run_all
from tradepipe.store import PartitionStore

KEYS = ("2024-01", "2024-02", "2024-03")
OLD, NEW = 1.0, 2.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "survives"),
    [
        ("written", OLD),
        ("synced", OLD),
        ("renamed", OLD),
        ("visible", OLD),
        ("inserted", OLD),
        ("committed", NEW),
    ],
)
def test_a_killed_writer_changes_all_or_nothing(store, database_url, step, survives):
    # The third partition is new, so that pointers are both moved and added.
    store.publish(DATASET, {key: small(value=OLD) for key in KEYS[:2]}, SMALL, code_version="1", inputs={})
    store.close()
    assert run_all(publish_and_die, [(store.root, database_url, step, NEW, KEYS)]) == [-signal.SIGKILL]

    with PartitionStore.open(store.root, database_url, GRACE) as reopened:
        current = reopened.catalogue.current(DATASET)
        assert list(current) == list(KEYS if survives == NEW else KEYS[:2])
        expected = pl.concat([small(value=survives) for _ in current])
        assert reopened.read(DATASET).equals(expected)
        assert {one.number for one in reopened.catalogue.history(DATASET, KEYS[0])} == set(range(1, int(survives) + 1))
        written = 2 if step == "written" else 3
        assert len(files(reopened)) == 2 + written

        left = len(reopened.sweep(dt.datetime.now(dt.UTC) + 2 * GRACE))
        assert left == (written if survives == OLD else 2)
        assert files(reopened) == sorted(one.path for one in current.values())
        assert reopened.read(DATASET).equals(expected)

        made = reopened.publish(DATASET, {key: small(value=3.0) for key in KEYS}, SMALL, code_version="1", inputs={})
        assert [one.generation.number for one in made.values()] == ([2, 2, 1] if survives == OLD else [3, 3, 2])
        assert reopened.read(DATASET)["value"].unique().to_list() == [3.0]


def test_the_steps_are_the_ones_that_crashes_are_tried_at(store):
    reached = []
    watched = PartitionStore(store.root, store.catalogue.engine, GRACE, checkpoint=reached.append)
    watched.publish(DATASET, {KEYS[0]: small()}, SMALL, code_version="1", inputs={})
    assert reached == ["written", "synced", "renamed", "visible", "inserted", "committed"]

"""Writers that meet: other writers, sweeps and failures between the steps of a publication."""

import datetime as dt
import os

import polars as pl
import pytest

from tests.store.samples import DATASET, HOUR, SMALL, files, small
from tests.store.workers import PROCESSES, publish_many, run_all
from tradepipe.store import PartitionStore, StoreError

JANUARY, FEBRUARY = "2024-01", "2024-02"


def publish(store, frames, *, code_version="1"):
    return store.publish(DATASET, frames, SMALL, code_version=code_version, inputs={})


def between(store, step, act):
    """Another store on the same data, in which `act` happens once, right after `step`."""
    waiting = [act]

    def checkpoint(reached):
        if reached == step and waiting:
            waiting.pop()()

    return PartitionStore(store.root, store.catalogue.engine, store.grace, checkpoint=checkpoint)


STEPS_BEFORE_COMMIT = ("written", "synced", "visible")


@pytest.mark.parametrize("step", STEPS_BEFORE_COMMIT)
def test_the_later_commit_wins(store, step):
    publish(store, {JANUARY: small(value=1)})
    slow = between(store, step, lambda: publish(store, {JANUARY: small(value=2)}))
    assert publish(slow, {JANUARY: small(value=3)})[JANUARY].generation.number == 3
    assert store.read(DATASET).equals(small(value=3))
    assert [one.number for one in store.catalogue.history(DATASET, JANUARY)] == [1, 2, 3]


@pytest.mark.parametrize("step", STEPS_BEFORE_COMMIT)
def test_the_same_rows_published_meanwhile_are_not_published_twice(store, step):
    slow = between(store, step, lambda: publish(store, {JANUARY: small()}))
    result = publish(slow, {JANUARY: small()})[JANUARY]
    assert not result.changed
    assert [one.id for one in store.catalogue.history(DATASET, JANUARY)] == [result.generation.id]
    assert files(store) == [result.generation.path]


def test_rows_that_were_current_when_we_looked_are_written_if_they_are_no_more(store):
    publish(store, {JANUARY: small(value=1)})
    slow = between(store, "visible", lambda: publish(store, {JANUARY: small(value=2)}))
    # February has to be written; January is current at first, and needs a file of its own in the end.
    result = publish(slow, {JANUARY: small(value=1), FEBRUARY: small(month=2)}, code_version="2")
    assert [one.generation.number for one in result.values()] == [3, 1]
    assert store.read(DATASET).equals(pl.concat([small(value=1), small(month=2)]))


@pytest.mark.parametrize("step", STEPS_BEFORE_COMMIT)
def test_a_sweep_without_grace_does_not_hurt_a_writer_at_work(store, step):
    publish(store, {JANUARY: small(value=1)})
    impatient = PartitionStore(store.root, store.catalogue.engine, dt.timedelta(0))
    swept = []
    slow = between(store, step, lambda: swept.extend(impatient.sweep(dt.datetime.now(dt.UTC) + HOUR)))
    assert publish(slow, {JANUARY: small(value=2), FEBRUARY: small(month=2)})[JANUARY].changed
    assert len(swept) == (1 if step == "written" else 2)  # it comes after each file
    assert store.read(DATASET).equals(pl.concat([small(value=2), small(month=2)]))


def test_a_sweep_that_never_ends_is_an_error_not_a_loop(store):
    def sweep(step):
        if step == "visible":
            store.sweep(dt.datetime.now(dt.UTC) + 2 * HOUR)

    slow = PartitionStore(store.root, store.catalogue.engine, store.grace, checkpoint=sweep)
    with pytest.raises(StoreError, match=r"kept vanishing.*Remedy: raise store\.grace"):
        publish(slow, {JANUARY: small()})
    assert store.catalogue.datasets() == []


def test_a_failed_write_leaves_no_files(store):
    def fail(step):
        if step == "synced":
            raise OSError("disk full")

    failing = PartitionStore(store.root, store.catalogue.engine, store.grace, checkpoint=fail)
    with pytest.raises(OSError, match="disk full"):
        publish(failing, {JANUARY: small(), FEBRUARY: small(month=2)})
    assert files(store) == []


@pytest.mark.slow
def test_concurrent_publishers_of_a_partition_all_succeed(store, database_url):
    barrier = PROCESSES.Barrier(3)
    arguments = [(store.root, database_url, barrier, 100 * number, 8) for number in range(1, 4)]
    assert run_all(publish_many, arguments) == [0, 0, 0]
    history = store.catalogue.history(DATASET, JANUARY)
    assert [one.number for one in history] == list(range(1, 25))
    assert [one.superseded_at is None for one in history] == [False] * 23 + [True]
    assert store.catalogue.current(DATASET)[JANUARY] == history[-1]
    assert len({one.path for one in history}) == 24
    assert files(store) == sorted(one.path for one in history)


def test_everything_is_on_the_disk_before_the_commit(store, monkeypatch):
    synced, on_disk = [], []
    real = os.fsync

    def fsync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    def checkpoint(step):
        if step == "inserted":
            folder = store.root / DATASET
            on_disk.extend(path.stat().st_ino in synced for path in folder.iterdir())
            on_disk.append(synced[-1] == folder.stat().st_ino)  # names last, when they are final

    monkeypatch.setattr(os, "fsync", fsync)
    careful = PartitionStore(store.root, store.catalogue.engine, store.grace, checkpoint=checkpoint)
    publish(careful, {JANUARY: small(), FEBRUARY: small(month=2)})
    assert on_disk == [True, True, True]
    assert {path.stat().st_ino for path in (store.root, store.root / "lab")} <= set(synced)

"""A layer published in batches of partitions is the layer published at once."""

import pytest

from tests.projects import FIRST, LAST
from tradepipe.chain import LayerRun
from tradepipe.chain import run as running
from tradepipe.chain.members import publish_members
from tradepipe.observability.progress import listening


def keys_of(project):
    return project.market.partitions.keys(FIRST, LAST)


def run_of(project, keys=None):
    return LayerRun(project.store, project.market, "member_forecasts", keys or keys_of(project))


@pytest.mark.slow
def test_batches_are_consecutive_and_bounded(ready, monkeypatch):
    assert [part.keys for part in run_of(ready).batches(5)] == [keys_of(ready)]
    # A month of two symbols has some 40 bars, hence some 200 rows.
    monkeypatch.setattr(running, "BATCH_ROWS", 500)
    parts = [part.keys for part in run_of(ready).batches(5)]
    assert [key for part in parts for key in part] == keys_of(ready)
    assert {len(part) for part in parts} == {2}
    monkeypatch.setattr(running, "BATCH_ROWS", 1)
    assert [len(part.keys) for part in run_of(ready).batches(5)] == [1] * 12


@pytest.mark.slow
def test_what_is_published_is_the_same_and_each_batch_before_the_next(ready, monkeypatch):
    # Of so few months that members are stood in for: nothing is to be fitted for long.
    keys = keys_of(ready)[:5]
    monkeypatch.setattr(running, "BATCH_ROWS", 500)
    told = []
    with listening(lambda *report: told.append(report)):
        reports, noted, _ = publish_members(run_of(ready, keys), None)
    assert [one.partition for one in reports] == keys
    # Nothing changed: the asset had computed all at once.
    assert not any(one.changed for one in reports)
    assert all(one.rows for one in reports)
    assert noted["fits: baseline"] > 0
    done = [done for _, done, total in told if total == len(keys)]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, len(keys))


@pytest.mark.slow
def test_sessions_walked_are_told_as_partitions_of_which_the_last_is_not_done(ready):
    """An execution walks thousands of sessions of some partitions: told as they come, each would look finished."""
    told = []
    with listening(lambda *report: told.append(report)):
        run = run_of(ready, keys_of(ready)[:5])
        for session in range(101):
            run.on_progress("orders", session, 100)
    done = [done for _, done, total in told if total == 5]
    assert done == sorted(done)
    assert set(done) == {0, 1, 2, 3, 4}

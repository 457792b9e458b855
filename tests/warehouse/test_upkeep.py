"""Marts over a store that is kept small: months evicted, sessions compacted, files in the cold tier."""

import datetime as dt

import polars as pl
import pytest

from tests.warehouse.conftest import KEYS
from tradepipe.chain.mart_run import MartRun
from tradepipe.chain.marts import stale_marts
from tradepipe.store.retention import Policy, evict, plan

BARS = "us_indices/bars"


def now():
    return dt.datetime.now(dt.UTC)


def run(store, market, marts, engine, *names, keys=KEYS):
    found = {}
    for name in names or marts:
        one = MartRun(store, market, marts, name, keys)
        frame = one.compute(engine)
        found[name] = one.publish(frame), one.findings(frame)
    return found


@pytest.fixture
def evicted(published, market, marts, engines):
    """The marts were computed, then the bars of January and February went."""
    run(published, market, marts, engines["duckdb"])
    due = plan(published, {BARS: Policy("test", dt.timedelta(0))}, now(), before=dt.date(2018, 3, 1))
    assert [one.generation.partition for one in evict(published, due, clock=now)] == KEYS[:2]
    return published


def test_what_was_evicted_makes_no_mart_stale(evicted, market, marts):
    assert stale_marts(evicted.catalogue, market, marts, KEYS) == []


def test_a_mart_that_was_never_published_is_not_made_of_what_is_gone(published, market, marts):
    due = plan(published, {BARS: Policy("test", dt.timedelta(0))}, now(), before=dt.date(2018, 3, 1))
    evict(published, due, clock=now)
    found = [one.partition for one in stale_marts(published.catalogue, market, marts, KEYS) if one.partition != "all"]
    assert found == ["2018-03"]


def test_marts_of_evicted_partitions_stay_when_they_are_run_again(evicted, market, marts, engines):
    before = {name: evicted.read(f"us_indices/{name}") for name in ("symbol_sessions", "quality_scorecard")}
    assert before["symbol_sessions"].filter(pl.col("session") < dt.date(2018, 3, 1))["present"].sum() > 0
    done = run(evicted, market, marts, engines["duckdb"], *before)
    reports, findings = done["symbol_sessions"]
    assert [(one.partition, one.changed) for one in reports] == [(key, False) for key in KEYS]
    assert findings["no_stranger"] == {}
    for name, rows in before.items():
        assert evicted.read(f"us_indices/{name}").equals(rows)


def test_news_of_what_is_left_makes_marts_stale_all_the_same(evicted, market, marts, packaged):
    from tests.warehouse.conftest import publish

    march = packaged.filter(pl.col("session") >= dt.date(2018, 3, 1)).with_columns(volume=pl.lit(1.0))
    # March looks back to a session that is gone: it stays as it was; what spans all is computed again.
    publish(evicted, market, march)
    found = {(one.layer, one.partition): one.reason for one in stale_marts(evicted.catalogue, market, marts, KEYS)}
    assert found == {("quality_findings", "all"): "us_indices/bars/2018-03 has other content"}


def test_folders_that_look_like_columns_change_no_value(tmp_path, market, marts, engines, packaged):
    from tests.warehouse.conftest import publish
    from tradepipe.chain.marts import query
    from tradepipe.store import PartitionStore

    root = tmp_path / "symbol=XXX" / "it's [a] store*"
    with PartitionStore.open(root, f"sqlite:///{tmp_path / 'c.sqlite'}", dt.timedelta(hours=1)) as store:
        publish(store, market, packaged)
        text = "SELECT symbol, count(*) AS n FROM ref('bars') GROUP BY symbol ORDER BY symbol"
        found = query(engines["duckdb"], store, market, marts, text, now=now())
        assert found.rows() == sorted(packaged.group_by("symbol").len().rows())

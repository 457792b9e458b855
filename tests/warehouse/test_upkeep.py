"""Marts over a store that is kept small: months evicted, sessions compacted, files in the cold tier."""

import datetime as dt

import polars as pl
import pytest

from tests.warehouse.conftest import KEYS, publish
from tradepipe.chain.mart_run import MartRun
from tradepipe.chain.marts import query, stale_marts
from tradepipe.contracts import BARS, BARS_HISTORY
from tradepipe.settings import ColdSettings, StoreSettings
from tradepipe.store import ColdTier, Companion, PartitionStore
from tradepipe.store.retention import Policy, evict, plan
from tradepipe.store.upkeep import Upkeep

DATASET = "us_indices/bars"


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
    due = plan(published, {DATASET: Policy("test", dt.timedelta(0))}, now(), before=dt.date(2018, 3, 1))
    assert [one.generation.partition for one in evict(published, due, clock=now)] == KEYS[:2]
    return published


@pytest.mark.slow
def test_what_was_evicted_makes_no_mart_stale(evicted, market, marts):
    assert stale_marts(evicted.catalogue, market, marts, KEYS) == []


def test_a_mart_that_was_never_published_is_not_made_of_what_is_gone(published, market, marts):
    due = plan(published, {DATASET: Policy("test", dt.timedelta(0))}, now(), before=dt.date(2018, 3, 1))
    evict(published, due, clock=now)
    found = [one.partition for one in stale_marts(published.catalogue, market, marts, KEYS) if one.partition != "all"]
    assert found == ["2018-03"]


@pytest.mark.slow
def test_marts_of_evicted_partitions_stay_when_they_are_run_again(evicted, market, marts, engines):
    before = {name: evicted.read(f"us_indices/{name}") for name in ("symbol_sessions", "quality_scorecard")}
    assert before["symbol_sessions"].filter(pl.col("session") < dt.date(2018, 3, 1))["present"].sum() > 0
    done = run(evicted, market, marts, engines["duckdb"], *before)
    reports, findings = done["symbol_sessions"]
    assert [(one.partition, one.changed) for one in reports] == [(key, False) for key in KEYS]
    assert findings["no_stranger"] == {}
    for name, rows in before.items():
        assert evicted.read(f"us_indices/{name}").equals(rows)


@pytest.mark.slow
def test_news_of_what_is_left_makes_marts_stale_all_the_same(evicted, market, marts, packaged):
    march = packaged.filter(pl.col("session") >= dt.date(2018, 3, 1)).with_columns(volume=pl.lit(1.0))
    # March looks back to a session that is gone: it stays as it was; what spans all is computed again.
    publish(evicted, market, march)
    found = {(one.layer, one.partition): one.reason for one in stale_marts(evicted.catalogue, market, marts, KEYS)}
    assert found == {("quality_findings", "all"): "us_indices/bars/2018-03 has other content"}


def test_folders_that_look_like_columns_change_no_value(tmp_path, market, marts, engines, packaged):
    root = tmp_path / "symbol=XXX" / "it's [a] store*"
    with PartitionStore.open(root, f"sqlite:///{tmp_path / 'c.sqlite'}", dt.timedelta(hours=1)) as store:
        publish(store, market, packaged)
        text = "SELECT symbol, count(*) AS n FROM ref('bars') GROUP BY symbol ORDER BY symbol"
        found = query(engines["duckdb"], store, market, marts, text, now=now())
        assert found.rows() == sorted(packaged.group_by("symbol").len().rows())


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def cold(request, tmp_path):
    if request.param == "folder":
        return ColdTier(f"file://{tmp_path / 'cold'}")
    bucket = request.getfixturevalue("s3_bucket")
    return ColdTier(f"s3://{bucket}/prefix", request.getfixturevalue("s3_server").endpoint)


def by_session(frame):
    parts = frame.with_columns(partition=pl.col("session").cast(pl.String)).partition_by(
        "partition", as_dict=True, include_key=False
    )
    return {key: part for (key,), part in parts.items()}


SUMS = "SELECT session, count(*) AS n, sum(CAST(volume AS DECIMAL(38, 8))) AS total FROM ref('bars') GROUP BY session"


@pytest.mark.slow
def test_sql_reads_one_dataset_whatever_is_compacted_or_cold(tmp_path, cold, engine, market, marts, packaged):
    def ask(as_of):
        told = {"now": dt.datetime(2018, 12, 31, tzinfo=dt.UTC), "as_of": as_of}
        return query(engine, store, market, marts, SUMS, **told).sort("session")

    past = packaged.filter(pl.col("session") < dt.date(2018, 2, 1)).with_columns(
        superseded_at=pl.col("known_at") + pl.duration(days=5), volume=pl.col("volume") * 0.5
    )
    later = pl.col("session") < dt.date(2018, 2, 1)
    rows = packaged.with_columns(
        known_at=pl.col("known_at") + pl.when(later).then(pl.duration(days=5)).otherwise(pl.duration())
    )
    url = f"sqlite:///{tmp_path / 'c.sqlite'}"
    with PartitionStore.open(tmp_path / "store", url, dt.timedelta(0), cold=cold) as store:
        beside = {"history": Companion(BARS_HISTORY, by_session(past.select(BARS_HISTORY.column_names)))}
        store.publish("us_indices/bars", by_session(rows), BARS, code_version="1", inputs={}, beside=beside)
        moments = [None, dt.datetime(2018, 1, 20, 12, tzinfo=dt.UTC), dt.datetime(2018, 2, 3, tzinfo=dt.UTC)]
        expected = [ask(moment) for moment in moments]
        upkeep = Upkeep(store, StoreSettings(cold=ColdSettings(after=dt.timedelta(days=120))), {"us_indices": "1d"})
        assert expected[0].height > expected[2].height > expected[1].height > 0
        night = dt.datetime(2018, 6, 10, tzinfo=dt.UTC)
        for step in (upkeep.compact, upkeep.tier, lambda _night: store.sweep(now() + dt.timedelta(days=1))):
            assert step(night)
            assert all(ask(moment).equals(found) for moment, found in zip(moments, expected, strict=True))
        assert {one.tier for one in store.catalogue.current("us_indices/bars").values()} == {"hot", "cold"}

"""How many statements, commits, files and connections things take, and what reads and writes cost."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
import sqlalchemy as sa

from tests.store.conftest import GRACE
from tests.store.samples import SMALL, small
from tradepipe.settings import PoolSettings
from tradepipe.store import Input, PartitionStore, open_engine, reading
from tradepipe.store.replica import PAUSE, ReplicaCatalogue

DATASET = "lab/small"


def publish(store, keys, *, value=1.0, version="1"):
    inputs = {key: [Input("landing", f"{key}.csv", "0" * 64)] for key in keys}
    frames = dict.fromkeys(keys, small(value=value))
    return store.publish(DATASET, frames, SMALL, code_version=version, inputs=inputs, refused={})


def test_a_run_is_one_commit_and_no_statement_is_sent_row_by_row(store):
    keys = [f"{2000 + month // 12}-{1 + month % 12:02d}" for month in range(60)]
    counted = []
    for value in (1.0, 2.0):  # new pointers, then moved ones
        for some in (keys[:3], keys):
            with store.catalogue.counting() as counters:
                made = publish(store, some, value=value + len(some))
            assert all(one.changed for one in made.values())
            assert counters.commits == 1
            counted.append(counters.writes)
    # Generations, pointers, inputs, and what was superseded: whether 3 partitions or 60.
    assert max(counted) <= 4, counted


def test_nothing_new_is_no_commit(store):
    publish(store, ["2024-01"])
    with store.catalogue.counting() as counters:
        publish(store, ["2024-01"])
    assert (counters.commits, counters.writes) == (0, 0)


def test_a_failed_run_commits_nothing(store):
    def fail(step):
        if step == "inserted":
            raise KeyboardInterrupt

    failing = PartitionStore(store.root, store.catalogue.engine, GRACE, checkpoint=fail)
    with store.catalogue.counting() as counters, pytest.raises(KeyboardInterrupt):
        publish(failing, ["2024-01", "2024-02"])
    assert counters.commits == 0
    assert store.catalogue.datasets() == []


def test_queries_grow_with_intervals_not_with_symbols(store):
    symbols = [f"S{number:02d}" for number in range(50)]
    for dataset in ("lab/bars", "lab/intervals"):
        frame = pl.concat([small(symbols="A").with_columns(symbol=pl.lit(symbol)) for symbol in symbols])
        store.publish(dataset, {"2024-01": frame, "2024-02": frame}, SMALL, code_version="1", inputs={})
    with store.catalogue.counting() as counters:
        for dataset in ("lab/bars", "lab/intervals"):
            assert store.read(dataset, symbols=symbols).height == 2 * 50 * 3
    assert (counters.queries, counters.writes) == (2, 0)


def test_only_the_files_that_hold_the_answer_are_opened(store, monkeypatch):
    keys = [f"2024-{day:03d}" for day in range(1, 61)]
    made = publish(store, keys)
    opened = []
    scan = pl.scan_parquet

    def counted(source, **options):
        opened.extend(source)
        return scan(source, **options)

    monkeypatch.setattr(reading.pl, "scan_parquet", counted)
    assert store.read(DATASET, keys[40:43], symbols=["A", "B"]).height == 3 * 6
    assert opened == [str(store.root / made[key].generation.path) for key in keys[40:43]]
    opened.clear()
    store.latest(DATASET, "A", 6)
    assert opened == [str(store.root / made[key].generation.path) for key in (keys[-1], keys[-2])]


def test_what_was_read_can_be_changed_without_harm_to_others(store):
    mine = small()
    store.publish(DATASET, {"2024-01": mine}, SMALL, code_version="1", inputs={})
    first, second = store.read(DATASET), store.read(DATASET)
    with pytest.raises(ValueError, match="read-only"):
        first["value"].to_numpy()[0] = 9.0
    first[0, "value"] = 9.0
    first.drop_in_place("note")
    mine[0, "value"] = 7.0
    assert second.equals(small())
    assert store.read(DATASET).equals(small())


@pytest.mark.slow
def test_many_short_queries_open_few_connections(postgres_url):
    engine = open_engine(postgres_url, durable=True)
    open_now, most, lock = set(), [], threading.Lock()

    @sa.event.listens_for(engine, "connect")
    def _opened(connection, _record):
        with lock:
            open_now.add(id(connection))
            most.append(len(open_now))

    @sa.event.listens_for(engine, "close")
    def _closed(connection, _record):
        with lock:
            open_now.discard(id(connection))

    start = threading.Barrier(200)

    def ask(_number):
        start.wait()
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT pg_sleep(0.01)"))
            return connection.scalar(
                sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            )

    with ThreadPoolExecutor(200) as threads:
        seen = list(threads.map(ask, range(200)))
    assert max(seen) <= 30
    assert 10 < max(most) <= 30
    assert len(open_now) <= 10
    engine.dispose()


@pytest.mark.slow
def test_the_pool_is_the_settings(postgres_url):
    told = PoolSettings()
    assert (told.size, told.overflow, told.recycle) == (10, 20, dt.timedelta(hours=1))
    engine = open_engine(postgres_url, durable=True, pool=PoolSettings(size=3, overflow=1, recycle=dt.timedelta(0, 90)))
    assert (engine.pool.size(), engine.pool._max_overflow, engine.pool._recycle) == (3, 1, 90)
    default = open_engine(postgres_url, durable=True)
    assert (default.pool.size(), default.pool._max_overflow, default.pool._recycle) == (10, 20, 3600)


@pytest.mark.slow
def test_reports_read_from_the_replica_and_from_the_primary_while_it_is_down(tmp_path, postgres_server, postgres_url):
    time = [0.0]
    with PartitionStore.open(tmp_path / "primary", f"sqlite:///{tmp_path / 'c.sqlite'}", GRACE) as primary:
        publish(primary, ["2024-01"])
        with PartitionStore.open(tmp_path / "replica", postgres_url, GRACE) as copy:
            copy.publish("lab/lagging", {"2024-01": small()}, SMALL, code_version="1", inputs={})
        reports = ReplicaCatalogue(
            primary.catalogue.engine, open_engine(postgres_url, durable=True), clock=lambda: time[0]
        )
        assert reports.datasets() == ["lab/lagging"]
        assert primary.catalogue.datasets() == [DATASET]

        away = sa.make_url(postgres_server)
        reports.replica.dispose()
        up, reports.replica = (
            reports.replica,
            open_engine(str(away.update_query_dict({"host": str(tmp_path)})), durable=True),
        )
        assert reports.datasets() == [DATASET]
        # It is not asked at every read while it is down, and used again once it is back.
        reports.replica = up
        assert reports.datasets() == [DATASET]
        time[0] += PAUSE
        assert reports.datasets() == ["lab/lagging"]
        up.dispose()


def test_the_replica_is_a_setting(tmp_path):
    urls = [f"sqlite:///{tmp_path / name}" for name in ("a.sqlite", "b.sqlite")]
    with PartitionStore.open(tmp_path / "other", urls[1], GRACE) as other:
        publish(other, ["2024-01"])
    with PartitionStore.open(tmp_path / "store", urls[0], GRACE, replica_url=urls[1]) as store:
        assert store.reports.datasets() == [DATASET]
        assert store.catalogue.datasets() == []
    with PartitionStore.open(tmp_path / "store", urls[0], GRACE) as store:
        assert store.reports is store.catalogue

"""What the cache serves: always what the store holds, mostly without asking it for rows."""

import datetime as dt
import threading

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cache.samples import DATASET, NOW, Bench
from tests.store.samples import SMALL, small
from tradepipe.cache import WarmingError, WindowCache
from tradepipe.cache.encoding import decode, encode
from tradepipe.cache.loading import newest_windows
from tradepipe.cache.versions import data_version, store_identity
from tradepipe.settings import load_settings
from tradepipe.store import DatasetNotFound, writing
from tradepipe.store.counters import counting
from tradepipe.store.tables import current_generations

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def bench(tmp_path):
    with Bench.at(tmp_path) as opened:
        opened.fill()
        yield opened


def counts(cache, *names):
    told = cache.counters.metrics()
    return tuple(told[f"cache_{name}_total"] for name in names)


def test_the_second_run_is_all_hits(bench):
    cache = bench.cache()
    for _ in range(2):
        for symbol in "AB":
            assert cache.window("lab", "small", symbol, 4).equals(bench.store.latest(DATASET, symbol, 4))
    assert counts(cache, "hits", "misses", "expired", "changed") == (2, 2, 0, 0)
    assert cache.counters.hit_rate == 0.5
    assert bench.loads == 2 + 4  # ours, and the test's own


def test_fewer_rows_are_a_hit_and_more_are_a_miss(bench):
    cache = bench.cache()
    cache.window("lab", "small", "A", 4)
    assert cache.window("lab", "small", "A", 2).equals(bench.store.latest(DATASET, "A", 2))
    assert counts(cache, "hits", "misses") == (1, 1)
    assert cache.window("lab", "small", "A", 5).height == 5
    assert counts(cache, "hits", "misses") == (1, 2)
    assert cache.window("lab", "small", "A", 500).height == 6  # all there is
    assert cache.window("lab", "small", "A", 900).height == 6  # known to be all there is
    assert counts(cache, "hits", "misses") == (2, 3)


@pytest.mark.parametrize(
    ("options", "passes", "hit"),
    [
        ({}, dt.timedelta(hours=12) - dt.timedelta(microseconds=1), True),
        ({}, dt.timedelta(hours=12), False),  # midnight: the day's bar closes
        ({"longest": HOUR}, HOUR - dt.timedelta(microseconds=1), True),
        ({"longest": HOUR}, HOUR, False),
        ({"market_hours": False}, dt.timedelta(hours=24) - dt.timedelta(microseconds=1), True),
        ({"market_hours": False}, dt.timedelta(hours=24), False),
        ({}, -dt.timedelta(microseconds=1), False),  # a clock that was set back
    ],
)
def test_an_entry_is_fresh_until_the_next_bar_or_its_greatest_age(tmp_path, options, passes, hit):
    with Bench.at(tmp_path, **options) as bench:
        bench.fill()
        cache = bench.cache()
        cache.window("lab", "small", "A", 4)
        bench.clock.now = NOW + passes
        cache.window("lab", "small", "A", 4)
        assert counts(cache, "hits", "expired") == ((1, 0) if hit else (0, 1))


def test_a_restated_partition_is_never_answered_from_the_cache(bench):
    cache = bench.cache()
    cache.window("lab", "small", "A", 6)
    bench.fill(2.0, months=(1,))
    assert cache.window("lab", "small", "A", 6)["value"].to_list() == [2.0] * 3 + [1.0] * 3
    assert counts(cache, "hits", "changed") == (0, 1)
    bench.store.publish("lab/other", {"2024-01": small()}, SMALL, code_version="1", inputs={})
    cache.window("lab", "small", "A", 6)
    assert counts(cache, "hits", "changed") == (1, 1)


def test_the_same_rows_by_other_code_are_looked_at_anew(bench):
    cache = bench.cache()
    cache.window("lab", "small", "A", 6)
    bench.store.publish(DATASET, {"2024-02": small(month=2)}, SMALL, code_version="2", inputs={})
    cache.window("lab", "small", "A", 6)
    assert counts(cache, "changed") == (1,)


WORDS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.sampled_from("AB"), st.integers(1, 8)),
        st.tuples(st.just("publish"), st.integers(1, 3), st.integers(0, 2)),
        st.tuples(st.just("evict"), st.integers(1, 3), st.just(0)),
        st.tuples(st.just("wait"), st.integers(-3, 30), st.just(0)),
        st.tuples(st.just("restart"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS)
def test_a_stale_hit_is_impossible(tmp_path_factory, valkey_address, words):
    """Whatever is published, evicted or restarted: every read gives what the store holds then."""
    with Bench.at(tmp_path_factory.mktemp("lab"), valkey_url=valkey_address) as bench:
        bench.fill(0.0)
        cache = bench.cache()
        for word, what, number in words:
            if word == "read":
                assert cache.window("lab", "small", what, number).equals(bench.store.latest(DATASET, what, number))
            elif word == "publish":
                bench.fill(float(number), months=(what,))
            elif word == "evict":
                evict(bench, f"2024-{what:02d}")
            elif word == "wait":
                bench.clock.now += what * HOUR
            else:
                cache = bench.cache()


def evict(bench, partition):
    """As retention does it: the partition has no current generation any more. The last one stays."""
    current = bench.store.catalogue.current(DATASET)
    if partition in current and len(current) > 1:
        with writing(bench.store.catalogue.engine) as connection:
            mine = current_generations.c.generation_id == current[partition].id
            connection.execute(sa.delete(current_generations).where(mine))


def test_versions_differ_for_every_state_of_a_dataset(bench):
    engine = bench.store.catalogue.engine
    seen = [data_version(engine, "lab/nothing"), data_version(engine, DATASET)]
    for change in (
        lambda: bench.fill(2.0, months=(1,)),
        lambda: bench.fill(1.0, months=(1,)),
        lambda: bench.fill(1.0, months=(3,)),
        lambda: evict(bench, "2024-01"),
        lambda: evict(bench, "2024-02"),
        lambda: bench.fill(1.0, months=(1,)),
    ):
        change()
        seen.append(data_version(engine, DATASET))
    assert len(set(seen)) == len(seen)


@pytest.mark.slow
def test_versions_on_postgresql(tmp_path, postgres_url):
    with Bench.at(tmp_path, url=postgres_url) as bench:
        bench.fill()
        cache = bench.cache()
        cache.window("lab", "small", "A", 4)
        cache.window("lab", "small", "A", 4)
        bench.fill(2.0)
        assert cache.window("lab", "small", "A", 4)["value"].unique().to_list() == [2.0]
        assert counts(cache, "hits", "misses", "changed") == (1, 2, 1)


def test_catalogues_are_told_apart_and_no_password_is_in_a_key(bench, tmp_path):
    with Bench.at(tmp_path / "other") as other:
        assert store_identity(other.store.catalogue.engine) != store_identity(bench.store.catalogue.engine)
    one, same, another = (sa.create_engine(f"postgresql://{who}@host/db") for who in ("a:x", "b:y", "a:x"))
    assert store_identity(one) == store_identity(same) == store_identity(another)
    assert store_identity(one) != store_identity(sa.create_engine("postgresql://a:x@host/db2"))


def test_a_catalogue_made_anew_has_other_versions_though_it_numbers_alike(tmp_path):
    seen = set()
    for name, first in (("before", 1.0), ("after", 2.0)):  # the newest partition is the same in both
        with Bench.at(tmp_path / name) as one:
            one.fill(first, months=(1,))
            one.fill(3.0, months=(2,))
            seen.add(data_version(one.store.catalogue.engine, DATASET))
    assert len(seen) == 2


def test_what_a_caller_does_to_a_frame_harms_nobody(bench):
    cache = bench.cache()
    expected = bench.store.latest(DATASET, "A", 4)
    for _ in range(2):  # the one that was loaded, and a hit
        mine = cache.window("lab", "small", "A", 4)
        mine[0, "value"] = -1.0
        mine.replace_column(0, pl.Series("symbol", ["Z"] * 4))
        mine.insert_column(0, pl.Series("new", range(4)))
    assert cache.window("lab", "small", "A", 4).equals(expected)


def test_memory_is_bounded_and_the_least_recently_used_go_first(tmp_path):
    symbols = "ABCDEFGH"
    with Bench.at(tmp_path, megabytes=1) as bench:
        bench.fill(symbols=symbols, months=(1,), rows=20)
        size = len(encode(bench.store.latest(DATASET, "A", 20)))
        cache = bench.cache()
        cache._memory._limit = 3 * size + 200  # a megabyte holds more windows than a test wants to make
        for symbol in "ABC":
            cache.window("lab", "small", symbol, 20)
        cache.window("lab", "small", "A", 20)  # B is now the oldest
        cache.window("lab", "small", "D", 20)
        told = cache.counters.metrics()
        assert told["cache_evictions_total"] == 1
        assert 2 * size < told["cache_bytes"] <= 3 * size + 200
        before = counts(cache, "hits")[0]
        for symbol in "ACD":
            cache.window("lab", "small", symbol, 20)
        assert counts(cache, "hits")[0] == before + 3
        cache.window("lab", "small", "B", 20)
        assert counts(cache, "hits")[0] == before + 3
        cache.clear()
        assert cache.counters.metrics()["cache_bytes"] == 0


def test_what_is_larger_than_the_bound_is_served_and_not_kept(bench):
    cache = bench.cache()
    cache._memory._limit = 10
    for _ in range(2):
        assert cache.window("lab", "small", "A", 4).height == 4
    assert counts(cache, "hits", "misses", "evictions") == (0, 2, 0)
    assert cache.counters.metrics()["cache_bytes"] == 0


def test_many_threads_load_a_window_once(bench):
    cache, start, found = bench.cache(), threading.Barrier(8), []
    gate = threading.Event()
    load = bench.store.latest

    def slowly(*arguments):
        gate.wait()
        return load(*arguments)

    bench.store.latest = slowly

    def read():
        start.wait()
        found.append(cache.window("lab", "small", "A", 4))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    while counts(cache, "misses") != (8,):
        pass
    gate.set()
    for thread in threads:
        thread.join()
    assert bench.loads <= 2  # a thread that had not joined the flight when it landed may load again
    expected = load(DATASET, "A", 4)
    for frame in found:  # who waited for one load shares nothing with the others
        assert frame.equals(expected)
        frame[0, "value"] = -1.0
        frame.replace_column(0, pl.Series("symbol", ["Z"] * 4))


def test_an_error_of_the_load_reaches_every_reader_and_is_not_kept(bench):
    cache = bench.cache()
    with pytest.raises(DatasetNotFound):
        cache.window("lab", "nothing", "A", 4)
    bench.store.publish("lab/nothing", {"2024-01": small()}, SMALL, code_version="1", inputs={})
    assert cache.window("lab", "nothing", "A", 4).height == 3


@pytest.mark.slow
def test_readers_and_a_writer_at_once_never_see_a_mix(bench):
    cache, stop, wrong = bench.cache(), threading.Event(), []

    def read():
        while not stop.is_set():
            values = cache.window("lab", "small", "A", 6)["value"].unique().to_list()
            if len(values) != 1:
                wrong.append(values)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for value in range(2, 12):
        bench.fill(float(value))
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert cache.window("lab", "small", "A", 6)["value"].unique().to_list() == [11.0]


def test_the_warming_list_makes_the_first_read_a_hit(tmp_path):
    with Bench.at(tmp_path, warm=("lab/small/A",)) as bench:
        bench.fill()
        cache = bench.cache()
        assert cache.warm() == {"lab/small/A": 6}
        cache.window("lab", "small", "A", 250)
        assert counts(cache, "hits", "misses") == (1, 1)
        cache.window("lab", "small", "B", 250)
        assert counts(cache, "hits", "misses") == (1, 2)


def test_queries_grow_with_layers_and_not_with_symbols(bench):
    symbols = [f"S{number:02d}" for number in range(50)]
    for layer in ("hours", "days"):
        frames = {f"2024-{month:02d}": small(3, symbols=symbols, month=month) for month in (1, 2, 3)}
        bench.store.publish(f"lab/{layer}", frames, SMALL, code_version="1", inputs={})
    cache = bench.cache()
    with counting(bench.store.catalogue.engine) as asked:
        for layer in ("hours", "days"):
            cache.windows("lab", layer, symbols, 7)
    assert asked.queries == 4  # of each layer, its version and its files
    with counting(bench.store.catalogue.engine) as asked:
        found = cache.windows("lab", "days", symbols, 7)
    assert asked.queries == 1
    assert counts(cache, "hits", "misses") == (50, 100)
    assert all(found[symbol].equals(bench.store.latest("lab/days", symbol, 7)) for symbol in symbols)


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    partitions=st.lists(
        st.tuples(st.sets(st.sampled_from("ABC"), min_size=1), st.integers(1, 4)), min_size=1, max_size=6
    ),
    rows=st.integers(1, 30),
)
def test_many_windows_at_once_are_those_read_one_by_one(partitions, rows, bench):
    frames = {
        f"2024-{month:02d}": small(height, symbols=sorted(symbols), month=month)
        for month, (symbols, height) in enumerate(partitions, start=1)
    }
    for key in bench.store.catalogue.current(DATASET):
        frames.setdefault(key, SMALL.empty())
    bench.store.publish(DATASET, frames, SMALL, code_version="1", inputs={})
    found = newest_windows(bench.store, DATASET, ["C", "A", "Z", "B"], rows)
    assert list(found) == ["C", "A", "Z", "B"]
    for symbol, frame in found.items():
        assert frame.equals(bench.store.latest(DATASET, symbol, rows))


@pytest.mark.parametrize("text", ["lab", "lab/small", "lab/small/", "other/small/A", ""])
def test_a_warming_list_that_names_no_window(tmp_path, text):
    with Bench.at(tmp_path, warm=(text,)) as bench, pytest.raises(WarmingError, match="is no market/layer/SYMBOL"):
        bench.cache().warm()


def test_an_expired_window_is_brought_up_to_date_once_for_all_symbols(bench):
    calls = []

    def refresh(market, layer):
        calls.append((market.name, layer))
        bench.fill(float(len(calls)) + 1, months=(2,))

    cache = bench.cache(refresh=refresh)
    for symbol in "AB":
        cache.window("lab", "small", symbol, 3)
    assert calls == []
    bench.clock.now = NOW + 13 * HOUR
    for symbol in "AB":
        assert cache.window("lab", "small", symbol, 3)["value"].to_list() == [2.0] * 3
    assert calls == [("lab", "small")]
    bench.clock.now += 24 * HOUR
    cache.window("lab", "small", "A", 3)
    assert len(calls) == 2


def test_a_failed_refresh_is_the_readers_error_and_is_tried_again(bench):
    def refresh(_market, _layer):
        raise ConnectionError("the venue is away")

    cache = bench.cache(refresh=refresh)
    cache.window("lab", "small", "A", 3)
    bench.clock.now = NOW + 13 * HOUR
    for _ in range(2):
        with pytest.raises(ConnectionError):
            cache.window("lab", "small", "A", 3)


@pytest.mark.slow
def test_symbols_that_there_are_not_and_rows_that_cannot_be(bench):
    cache = bench.cache()
    assert cache.window("lab", "small", "Z", 3).equals(SMALL.empty())
    assert cache.window("lab", "small", "Z", 3).equals(SMALL.empty())
    assert counts(cache, "hits") == (1,)
    with pytest.raises(ValueError, match="rows is 0, at least 1"):
        cache.window("lab", "small", "A", 0)
    with pytest.raises(KeyError):
        cache.window("nowhere", "small", "A", 1)


@given(st.integers(0, 40), st.sampled_from(["A", "AB"]))
def test_bytes_and_frame_are_the_same(rows, symbols):
    frame = small(rows, symbols=symbols)
    again = decode(encode(frame))
    assert again.equals(frame)
    assert again.schema == frame.schema
    assert decode(encode(frame)[:-20]) is None


def test_a_cache_as_the_settings_say(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEPIPE_HOME", str(tmp_path))
    with Bench.at(tmp_path) as bench:
        bench.fill()
        assert isinstance(WindowCache.open(bench.store, {}, load_settings()), WindowCache)

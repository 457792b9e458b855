"""Windows in a real Valkey."""

import datetime as dt
import threading

import pytest

from tests.cache.samples import DATASET, NOW, Bench
from tradepipe.cache import Counters, open_shared
from tradepipe.cache.shared import PAUSE, PREFIX, SharedWindows


@pytest.fixture
def client(valkey_server):
    with valkey_server.client() as opened:
        yield opened


@pytest.fixture
def bench(tmp_path, valkey_address):
    with Bench.at(tmp_path, valkey_url=valkey_address) as opened:
        yield opened


def test_another_process_finds_what_one_has_loaded(bench):
    bench.fill()
    first, second = bench.cache(), bench.cache()
    expected = bench.store.latest(DATASET, "A", 5)
    assert first.window("lab", "small", "A", 5).equals(expected)
    assert second.window("lab", "small", "A", 5).equals(expected)
    assert bench.loads == 2  # the test's own, and the first's
    assert second.counters.metrics()["cache_shared_hits_total"] == 1
    assert first.counters.metrics()["cache_shared_hits_total"] == 0
    assert second.window("lab", "small", "A", 5).equals(expected)
    assert second.counters.metrics()["cache_hits_total"] == 1


def test_what_was_published_anew_is_not_found_there(bench):
    bench.fill(1.0)
    bench.cache().window("lab", "small", "A", 5)
    bench.fill(2.0)
    assert bench.cache().window("lab", "small", "A", 5)["value"].unique().to_list() == [2.0]
    assert bench.loads == 2


def test_every_key_has_a_time_to_live(bench, client):
    bench.fill()
    cache = bench.cache()
    for symbol in "AB":
        for rows in (1, 5, 500):
            cache.window("lab", "small", symbol, rows)
    keys = list(client.scan_iter("*"))
    assert len(keys) == 6
    until_midnight = dt.timedelta(hours=12) / dt.timedelta(milliseconds=1)  # NOW is noon, the market never closes
    for key in keys:
        assert key.startswith(f"{PREFIX}:".encode())
        assert 0 < client.pttl(key) <= until_midnight


def test_the_time_to_live_ends_with_the_freshness(bench, client):
    bench.fill()
    bench.clock.now = NOW + dt.timedelta(hours=11, minutes=59, seconds=59)
    bench.cache().window("lab", "small", "A", 5)
    (key,) = client.scan_iter("*")
    assert 0 < client.pttl(key) <= 1000


@pytest.mark.parametrize("garbage", [b"", b"not a window", b"ARROW1\0\0"])
def test_bytes_that_are_no_window_are_a_miss(bench, client, garbage):
    bench.fill()
    bench.cache().window("lab", "small", "A", 5)
    (key,) = client.scan_iter("*")
    client.set(key, garbage, px=10_000)
    assert bench.cache().window("lab", "small", "A", 5).equals(bench.store.latest(DATASET, "A", 5))
    assert client.get(key) != garbage
    assert client.pttl(key) > 0


def test_a_server_that_is_down_is_a_counted_miss(bench, tmp_path):
    bench.fill()
    counters = Counters()
    now = [0.0]
    address = f"unix://{tmp_path / 'nobody'}"
    shared = SharedWindows(open_shared(address, counters)._client, counters, monotonic=lambda: now[0])
    cache = bench.cache(shared=shared, counters=counters)
    for rows in (1, 2, 3):
        assert cache.window("lab", "small", "A", rows).equals(bench.store.latest(DATASET, "A", rows))
    told = counters.metrics()
    assert (told["cache_misses_total"], told["cache_shared_errors_total"], told["cache_shared_hits_total"]) == (3, 6, 0)


@pytest.mark.slow
def test_a_server_that_failed_is_asked_again_after_a_pause(valkey_server, valkey_address):
    counters, now, asked = Counters(), [0.0], []

    class Watched(type(open_shared(valkey_address, counters)._client)):
        """The client, with a list of what was asked of the server."""

        def execute_command(self, *words, **options):
            asked.append(words[0])
            return super().execute_command(*words, **options)

    shared = SharedWindows(Watched.from_url(valkey_address, socket_timeout=0.2), counters, monotonic=lambda: now[0])
    with valkey_server.client() as client:
        client.client_pause(600, all=True)
        assert shared.get("k") is None
        assert shared.get("k") is None  # asleep: not asked
        assert asked == ["GET"]
        client.client_unpause()
    assert counters.metrics()["cache_shared_errors_total"] == 2
    now[0] = PAUSE
    shared.put("k", b"1", dt.timedelta(seconds=9))
    assert shared.get("k") == b"1"
    assert asked == ["GET", "SET", "GET"]
    assert counters.metrics()["cache_shared_errors_total"] == 2


def test_a_wrong_address_names_the_key_and_the_remedy():
    with pytest.raises(ValueError, match=r"cache\.valkey_url: .*Remedy: valkey://host:6379/0"):
        open_shared("postgresql://host", Counters())


def test_threads_share_one_connection_pool(bench):
    bench.fill()
    caches = [bench.cache() for _ in range(4)]
    found = []

    def read(cache):
        found.extend(cache.window("lab", "small", symbol, 5).height for symbol in "AB" * 10)

    threads = [threading.Thread(target=read, args=(cache,)) for cache in caches for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [5] * 160
    assert all(cache.counters.metrics()["cache_shared_errors_total"] == 0 for cache in caches)

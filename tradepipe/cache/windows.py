"""The cache of latest windows: what consumers read."""

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from typing import Self

import polars as pl

from tradepipe.cache.counters import Counters
from tradepipe.cache.encoding import decode, encode
from tradepipe.cache.freshness import Freshness
from tradepipe.cache.memory import Entry, Key, Loaded, Memory
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
        if rows < 1:
            raise ValueError(f"{market}/{layer} {symbol}: rows is {rows}, at least 1 is expected")
        key, now = (f"{market}/{layer}", symbol), self._clock()
        entry = self._memory.get(key)
        if entry is not None and entry.answers(rows):
            frame = self._served(entry, key, now, rows)
            if frame is not None:
                return frame
        self.counters.add("cache_misses_total")
        if entry is not None and now >= entry.fresh_until:
            self._bring_up_to_date(market, layer, now)
        version = data_version(self._store.catalogue.engine, key[0])
        loaded = self._memory.once(key, rows, version, lambda: self._load(market, key, rows, version))
        return loaded.frame.clone()  # columns are immutable: what is done to a clone stays with it

    def warm(self) -> dict[str, int]:
        """Load the windows of `cache.warm` before they are asked for: window -> rows loaded.

        Raises:
            WarmingError: an entry is not market/layer/SYMBOL, or names an unknown market.
        """
        loaded = {}
        for text in self._settings.warm:
            market, layer, symbol = self._parsed(text)
            loaded[text] = self.window(market, layer, symbol, WARM_ROWS).height
        return loaded

    def clear(self) -> None:
        """Forget what this process holds; Valkey's entries end by themselves."""
        self._memory.clear()

    def _served(self, entry: Entry, key: Key, now: dt.datetime, rows: int) -> pl.DataFrame | None:
        if not entry.loaded_at <= now < entry.fresh_until:
            self.counters.add("cache_expired_total")
            return None
        if data_version(self._store.catalogue.engine, key[0]) != entry.version:
            self.counters.add("cache_changed_total")
            return None
        frame = decode(entry.data)
        if frame is not None:
            self.counters.add("cache_hits_total")
            return frame.tail(rows)
        return None

    def _load(self, market: str, key: Key, rows: int, version: str) -> Loaded:
        """From Valkey, or from the store and then into Valkey.

        `version` was asked before anything is read: rows that are newer than it are kept under it, and
        the next read sees that they are not of the version there is then.
        """
        now = self._clock()
        until = self._fresh_until(market, now)
        shared_key = f"{self._prefix}:{key[0]}:{key[1]}:{rows}:{version}"
        data = self._shared.get(shared_key) if self._shared is not None else None
        frame = decode(data) if data is not None else None
        if data is not None and frame is not None:
            self.counters.add("cache_shared_hits_total")
        else:
            frame = self._store.latest(*key, rows)
            data = encode(frame)
            if self._shared is not None:
                self._shared.put(shared_key, data, max(until - now, _SHORTEST))
        entry = Entry(data, rows, frame.height, version, now, until)
        self._memory.put(key, entry)
        return Loaded(entry, frame)

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

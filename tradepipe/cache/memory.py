"""Windows in this process: compressed, bounded, the least recently used go first; one load at a time."""

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import polars as pl

from tradepipe.cache.counters import Counters

Key = tuple[str, str]
"""Dataset and symbol."""


@dataclass(frozen=True)
class Entry:
    """A window as it was loaded. `rows` is what was asked for, `height` what there was.

    `fresh_until` is when the next bar can be known, or the entry is too old, whichever is first (UTC).
    """

    data: bytes
    rows: int
    height: int
    version: str
    loaded_at: dt.datetime
    fresh_until: dt.datetime

    def answers(self, rows: int) -> bool:
        """Whether its last rows are the last `rows` rows: it has so many, or there are no more."""
        return rows <= self.rows or self.height < self.rows


class Memory:
    """Entries by key, at most `limit` bytes of them."""

    def __init__(self, limit: int, counters: Counters) -> None:
        self._limit, self._counters = limit, counters
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._loading: dict[tuple[Key, int, str], Future[pl.DataFrame]] = {}
        self._bytes = 0

    def get(self, key: Key) -> Entry | None:
        """The entry, which becomes the most recently used one."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def put(self, key: Key, entry: Entry) -> None:
        """Keep the entry in place of the one before it; one that is larger than the bound is not kept."""
        with self._lock:
            before = self._entries.pop(key, None)
            self._bytes -= len(before.data) if before is not None else 0
            if len(entry.data) <= self._limit:
                self._entries[key] = entry
                self._bytes += len(entry.data)
            while self._bytes > self._limit:
                _, oldest = self._entries.popitem(last=False)
                self._bytes -= len(oldest.data)
                self._counters.add("cache_evictions_total")
            self._counters.set("cache_bytes", self._bytes)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0
            self._counters.set("cache_bytes", 0)

    def once(self, key: Key, rows: int, version: str, load: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """Run `load`, or wait for the thread that already loads the same window of the same data.

        Whoever waits gets the loader's frame, or its error.
        """
        flight = (key, rows, version)
        with self._lock:
            future = self._loading.get(flight)
            is_mine = future is None
            if future is None:
                future = self._loading[flight] = Future()
        if not is_mine:
            return future.result()
        try:
            loaded = load()
            future.set_result(loaded)
        except BaseException as error:
            future.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._loading[flight]
        return loaded

"""A market of days that never closes, a store with its windows, and a clock that tests set."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.markets.building import build_market
from tests.store.samples import SMALL, small
from tradepipe.cache import Counters, WindowCache, open_shared
from tradepipe.settings.storage import CacheSettings
from tradepipe.store import PartitionStore

NOW = dt.datetime(2024, 6, 12, 12, tzinfo=dt.UTC)
DATASET = "lab/small"
GRACE = dt.timedelta(hours=1)


class CountingStore(PartitionStore):
    """Counts the windows that are read from files."""

    loads = 0

    def latest(self, *arguments, **options):
        self.loads += 1
        return super().latest(*arguments, **options)


@dataclass
class Clock:
    now: dt.datetime = NOW

    def __call__(self) -> dt.datetime:
        return self.now


@dataclass
class Bench:
    store: CountingStore
    settings: CacheSettings
    clock: Clock = field(default_factory=Clock)

    @classmethod
    @contextmanager
    def at(cls, folder: Path, url: str | None = None, **settings) -> Iterator["Bench"]:
        with CountingStore.open(folder / "store", url or f"sqlite:///{folder / 'catalogue.sqlite'}", GRACE) as store:
            yield cls(store, CacheSettings(**settings))

    @property
    def loads(self) -> int:
        return self.store.loads

    def fill(self, value=1.0, months=(1, 2), rows=3, symbols="AB"):
        frames = {f"2024-{month:02d}": small(rows, value=value, symbols=symbols, month=month) for month in months}
        self.store.publish(DATASET, frames, SMALL, code_version="1", inputs={})

    def cache(self, shared=None, counters=None, **options) -> WindowCache:
        """A cache of its own, as another process would have."""
        counters = counters or Counters()
        if shared is None and self.settings.valkey_url:
            shared = open_shared(self.settings.valkey_url, counters)
        market = build_market(name="lab", calendar="24/7", end=None, publication_delay=dt.timedelta(0))
        return WindowCache(
            self.store, {"lab": market}, self.settings, self.clock, shared=shared, counters=counters, **options
        )

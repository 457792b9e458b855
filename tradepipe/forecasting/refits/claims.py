"""Chains that are fitted at this moment: who needs one too waits for it, instead of fitting it a second time."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tradepipe.forecasting.refits.cache import FitCache


class Claims:
    """Keys that threads of this process are fitting: partitions side by side often begin with the same refit."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._claimed: set[str] = set()

    @contextmanager
    def on(self, cache: FitCache | None) -> Iterator[FitCache | None]:
        """`cache` for one chain: what it asks for and does not find is the chain's to fit, until this ends.

        A chain asks once, for all its keys, so that none waits for another that waits for it.
        """
        if cache is None:
            yield None
            return
        mine = _Claiming(cache, self)
        try:
            yield mine
        finally:
            self._release(mine.held)

    def _claim(self, keys: set[str]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._claimed.isdisjoint(keys))
            self._claimed |= keys

    def _release(self, keys: set[str]) -> None:
        with self._changed:
            self._claimed -= keys
            self._changed.notify_all()


class _Claiming:
    """The cache as one chain sees it."""

    def __init__(self, cache: FitCache, claims: Claims) -> None:
        self._cache, self._claims = cache, claims
        self.held: set[str] = set()

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        wanted = set(keys) - self.held
        self._claims._claim(wanted)  # noqa: SLF001 - of one piece with it
        self.held |= wanted
        found = self._cache.get_many(keys)
        self._claims._release(found.keys() & self.held)  # noqa: SLF001
        self.held -= found.keys()
        return found

    def put_many(self, kept: Mapping[str, bytes]) -> None:
        self._cache.put_many(kept)

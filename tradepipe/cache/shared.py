"""Windows in Valkey, for other processes. Every key has a time to live; a dead server is a counted miss."""

import datetime as dt
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tradepipe.cache.counters import Counters

if TYPE_CHECKING:
    from valkey import Valkey

PREFIX = "tradepipe:window"
PATIENCE = 0.25
"""Seconds a read or write may take; reading the store takes less than waiting longer."""

PAUSE = 5.0
"""Seconds without asking a server that just failed, so that reads do not queue up behind time-outs."""

Result = TypeVar("Result")


class SharedWindows:
    """Windows by key in one Valkey database. No method raises because of the server."""

    def __init__(self, client: "Valkey", counters: Counters, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client, self._counters, self._monotonic = client, counters, monotonic
        self._asleep_until = float("-inf")

    def get(self, key: str) -> bytes | None:
        """The bytes under `key`; None when there are none, or the server fails."""
        found = self._try(lambda: self._client.get(f"{PREFIX}:{key}"))
        return found if isinstance(found, bytes) else None

    def put(self, key: str, data: bytes, ttl: dt.timedelta) -> None:
        """Keep `data` under `key` for `ttl`, a whole number of milliseconds, at least one."""
        milliseconds = max(ttl // dt.timedelta(milliseconds=1), 1)
        self._try(lambda: self._client.set(f"{PREFIX}:{key}", data, px=milliseconds))

    def close(self) -> None:
        """Close the connections."""
        self._try(self._client.close)

    def _try(self, ask: Callable[[], Result]) -> Result | None:
        from valkey.exceptions import ValkeyError  # noqa: PLC0415 - most projects share nothing

        if self._monotonic() < self._asleep_until:
            self._counters.add("cache_shared_errors_total")
            return None
        try:
            return ask()
        except (ValkeyError, OSError):
            self._counters.add("cache_shared_errors_total")
            self._asleep_until = self._monotonic() + PAUSE
            return None


def open_shared(url: str, counters: Counters) -> SharedWindows:
    """Windows in the Valkey at `url`, such as valkey://host:6379/0; nothing is connected yet.

    Raises:
        ValueError: the address is none of Valkey's.
    """
    from valkey import Valkey  # noqa: PLC0415
    from valkey.backoff import NoBackoff  # noqa: PLC0415
    from valkey.retry import Retry  # noqa: PLC0415

    try:
        client = Valkey.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 1)
        )
    except ValueError as error:
        raise ValueError(f"cache.valkey_url: {error}. Remedy: valkey://host:6379/0") from error
    return SharedWindows(client, counters)

"""One pace for all threads that ask a venue, and one pause when it says so."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Where time, waiting and chance come from, in seconds; tests put their own in."""

    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


class Limiter:
    """Lets `per_second` units pass a second, evenly, with up to `burst` at once after a rest.

    Thread-safe.
    """

    def __init__(self, per_second: float, timing: Timing, *, burst: float = 1.0) -> None:
        self._interval, self._burst = 1.0 / per_second, burst
        self._now, self._sleep = timing.monotonic, timing.sleep
        self._lock = threading.Lock()
        self._next = self._paused_until = self._now()

    def acquire(self, cost: float = 1.0) -> None:
        """Wait until `cost` units may pass."""
        with self._lock:
            now = self._now()
            start = max(self._next, now - (self._burst - 1.0) * self._interval, self._paused_until)
            self._next = start + cost * self._interval
        self._wait_until(start)

    def pause(self, seconds: float) -> None:
        """Nobody passes for so long: the venue told one of us, it means all."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._now() + seconds)
            self._next = max(self._next, self._paused_until)

    def _wait_until(self, start: float) -> None:
        while True:
            wait = max(start, self._paused_until) - self._now()
            if wait <= 0:
                return
            self._sleep(wait)

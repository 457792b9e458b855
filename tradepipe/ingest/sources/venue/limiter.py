"""One pace for all threads that ask a venue, and one pause when it says so."""

import threading
from collections.abc import Callable

Clock = Callable[[], float]
Sleep = Callable[[float], None]


class Limiter:
    """Lets `per_second` units pass a second, evenly, with up to `burst` at once after a rest.

    Thread-safe. `clock` and `sleep` are in seconds; `clock` need not be the time of day.
    """

    def __init__(self, per_second: float, *, clock: Clock, sleep: Sleep, burst: float = 1.0) -> None:
        self._interval, self._burst = 1.0 / per_second, burst
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._next = clock()
        self._paused_until = clock()

    def acquire(self, cost: float = 1.0) -> None:
        """Wait until `cost` units may pass."""
        with self._lock:
            now = self._clock()
            start = max(self._next, now - (self._burst - 1.0) * self._interval, self._paused_until)
            self._next = start + cost * self._interval
        self._wait_until(start)

    def pause(self, seconds: float) -> None:
        """Nobody passes for so long: the venue told one of us, it means all."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)
            self._next = max(self._next, self._paused_until)

    def _wait_until(self, start: float) -> None:
        while True:
            wait = max(start, self._paused_until) - self._clock()
            if wait <= 0:
                return
            self._sleep(wait)

"""CPU seconds by what they were spent on: which part of a computation costs what."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Spending:
    """CPU seconds by name, added up over threads."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._adding = threading.Lock()

    @contextmanager
    def on(self, name: str, *, alone: bool) -> Iterator[None]:
        """Count the CPU time inside as spent on `name`.

        Args:
            name: of the part.
            alone: nothing else is computed meanwhile, so that all threads of the process work for it; else the calling
                thread's time counts, and not that of threads that help it.
        """
        clock = time.process_time if alone else time.thread_time
        began = clock()
        try:
            yield
        finally:
            with self._adding:
                self._seconds[name] = self._seconds.get(name, 0.0) + clock() - began

    @property
    def seconds(self) -> Mapping[str, float]:
        """CPU seconds of each name, in the order in which each was first spent on."""
        return dict(self._seconds)

    @property
    def shares(self) -> Mapping[str, float]:
        """Fraction of the whole that each name took; nothing before anything was spent."""
        whole = sum(self._seconds.values())
        return {name: spent / whole for name, spent in self._seconds.items()} if whole > 0 else {}

"""CPU seconds by what they were spent on: which part of a computation costs what, and how fast fits are made."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_own = threading.local()


def working_time() -> float:
    """CPU seconds of the calling thread, and of those that have helped it."""
    return time.thread_time() + getattr(_own, "help", 0.0)


def add_help(seconds: float) -> None:
    """Tell that other threads have worked so many CPU seconds for the calling one."""
    _own.help = getattr(_own, "help", 0.0) + seconds


class Spending:
    """CPU seconds by name, added up over threads; and of these, those that went into fits."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._fitting: dict[str, float] = {}
        self._fits: dict[str, int] = {}
        self._adding = threading.Lock()

    @contextmanager
    def on(self, name: str, *, alone: bool) -> Iterator[None]:
        """Count the CPU time inside as spent on `name`.

        Args:
            name: of the part.
            alone: nothing else is computed meanwhile, so that all threads of the process work for it; else the calling
                thread's time counts, and that of threads of which it was told (`add_help`).
        """
        with self._adding_to(self._seconds, name, alone=alone):
            yield

    @contextmanager
    def fitting(self, name: str, fits: int, *, alone: bool) -> Iterator[None]:
        """Count the CPU time inside as that of `fits` fits of `name`; it counts as spent (`on`) beside that."""
        with self._adding_to(self._fitting, name, alone=alone):
            yield
        with self._adding:
            self._fits[name] = self._fits.get(name, 0) + fits

    @contextmanager
    def _adding_to(self, seconds: dict[str, float], name: str, *, alone: bool) -> Iterator[None]:
        clock = time.process_time if alone else working_time
        with self._adding:
            seconds.setdefault(name, 0.0)  # in the order in which they begin
        began = clock()
        try:
            yield
        finally:
            with self._adding:
                seconds[name] = seconds.get(name, 0.0) + clock() - began

    @property
    def seconds(self) -> Mapping[str, float]:
        """CPU seconds of each name, in the order in which each was first spent on."""
        return dict(self._seconds)

    @property
    def shares(self) -> Mapping[str, float]:
        """Fraction of the whole that each name took; nothing before anything was spent."""
        whole = sum(self._seconds.values())
        return {name: spent / whole for name, spent in self._seconds.items()} if whole > 0 else {}

    @property
    def fits(self) -> Mapping[str, int]:
        """Fits that were made of each name; what was kept and restored is none."""
        return dict(self._fits)

    @property
    def fits_a_second(self) -> Mapping[str, float]:
        """Fits a CPU second of each name of which any were made."""
        return {name: fits / self._fitting[name] for name, fits in self._fits.items() if fits and self._fitting[name]}

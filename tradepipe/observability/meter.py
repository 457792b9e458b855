"""Where a step's time went: reading, computing, writing; and the memory its process came to need."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

READ, WRITE = "read", "write"
# Linux counts in kibibytes, macOS in bytes.
_RSS_UNIT = 1024 if sys.platform != "darwin" else 1


def peak_memory_mb() -> float:
    """Largest resident set of this process so far, in megabytes (10^6 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT / 1e6


@dataclass(frozen=True)
class Measured:
    """Wall seconds by phase, CPU seconds of the whole process meanwhile, rows and peak memory."""

    t_read: float
    t_compute: float
    t_write: float
    cpu_seconds: float
    rows_read: int
    rows_written: int
    peak_memory_mb: float


@dataclass
class Meter:
    """Measures one step from its construction on. What is neither read nor written is computed."""

    rows: dict[str, int] = field(default_factory=lambda: {READ: 0, WRITE: 0})
    _spent: dict[str, float] = field(default_factory=lambda: {READ: 0.0, WRITE: 0.0})
    _began: float = field(default_factory=time.perf_counter)
    _cpu: float = field(default_factory=time.process_time)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time inside as `name`: READ or WRITE."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._spent[name] += time.perf_counter() - start

    def measured(self) -> Measured:
        """The figures so far."""
        whole = time.perf_counter() - self._began
        return Measured(
            t_read=self._spent[READ],
            t_compute=max(whole - self._spent[READ] - self._spent[WRITE], 0.0),
            t_write=self._spent[WRITE],
            cpu_seconds=time.process_time() - self._cpu,
            rows_read=self.rows[READ],
            rows_written=self.rows[WRITE],
            peak_memory_mb=peak_memory_mb(),
        )

"""What a store's reads and writes cost: seconds, CPU seconds, rows and bytes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl


@dataclass
class Spent:
    """Calls, wall and CPU seconds of this process, rows and bytes in memory, since the store was opened."""

    calls: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    rows: int = 0
    bytes: int = 0

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Add the time that the block takes."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.calls += 1
            self.seconds += time.perf_counter() - wall
            self.cpu_seconds += time.process_time() - cpu

    def add(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add a frame's rows and bytes; the frame itself."""
        self.rows += frame.height
        self.bytes += int(frame.estimated_size())
        return frame


@dataclass(frozen=True)
class Meter:
    """One store instance's reads and writes. CPU seconds are the process's: other threads' work counts in."""

    reads: Spent = field(default_factory=Spent)
    writes: Spent = field(default_factory=Spent)

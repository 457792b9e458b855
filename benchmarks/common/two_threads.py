"""Two threads against one: wall time, where the machine lets two threads have two cores.

They cannot have them while something else uses them, and this is no fault of theirs. So a round counts if, by the
kernel's own accounts, other processes used less than a twentieth of a core in it. Where no round was that quiet the
quietest tenth counts, and the figure says so.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.common.bars import Figure

TARGET = 1.8
QUIET = 0.05  # of a core


class _Spent(NamedTuple):
    wall: float
    cpu: float
    others: float
    """Cores that other processes used meanwhile."""


def two_threads(work: Callable[[int], object], passes: int, rounds: int) -> Figure:
    """Wall time of one thread over wall time of two, median of the rounds that count.

    Args:
        work: does it with so many threads.
        passes: times it is done in a measurement: the kernel's accounts are kept in hundredths of a second.
        rounds: measurements of each.
    """

    def spent(threads: int) -> _Spent:
        busy, wall, cpu = _busy(), time.perf_counter(), time.process_time()
        for _ in range(passes):
            work(threads)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return _Spent(wall, cpu, max(_busy() - busy - cpu, 0.0) / wall)

    pairs = [(spent(1), spent(2)) for _ in range(rounds)]
    pairs.sort(key=lambda pair: max(one.others for one in pair))
    quiet = sum(max(one.others for one in pair) < QUIET for pair in pairs)
    counted = pairs[: quiet or max(len(pairs) // 10, 3)]
    cores = statistics.median(two.cpu / two.wall for _, two in counted)
    others = statistics.median(two.others for _, two in counted)
    extra = statistics.median(two.cpu / one.cpu for one, two in pairs)
    said = (
        f"one thread; {quiet} of {len(pairs)} rounds quiet, in those that count two threads had {cores:.2f} cores, "
        f"others {others:.2f} of {os.cpu_count()}; two threads use {extra:.2f} times the CPU time of one"
    )
    print(said)
    return {
        "measured": round(statistics.median(one.wall / two.wall for one, two in counted), 2),
        "target": TARGET,
        "unit": "x",
        "peer": said,
        "better": "higher",
    }


def _busy() -> float:
    """CPU seconds that all processes have used since the machine started."""
    user, nice, system, _, _, interrupts, soft = (
        int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    )
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")

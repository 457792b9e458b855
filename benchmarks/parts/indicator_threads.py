"""The bundle with two threads against one: wall time, on the daily bars of all stocks.

Two threads cannot have two cores while something else uses them, and this is no fault of theirs. So a round
counts if, by the kernel's own accounts, other processes used less than a twentieth of a core in it. Where no round
was that quiet the quietest tenth counts, and the figure says so.
"""

import os
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.parts.indicator_bars import Figure, stocks
from benchmarks.parts.indicator_bundle import BUNDLE
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.running import run_all

TARGET = 1.8
QUIET = 0.05  # of a core
PASSES = 5  # in a measurement: the kernel's accounts are kept in hundredths of a second


class _Spent(NamedTuple):
    wall: float
    cpu: float
    others: float
    """Cores that other processes used meanwhile."""


def measure(*, quick: bool) -> dict[str, Figure]:
    """Wall time of one thread over wall time of two, median of the rounds that count."""
    bars = stocks()
    bounds = [parse_indicator(text) for text in BUNDLE]
    wanted = {bound: [np.float64] * len(bound.described) for bound in bounds}
    columns = run_all(wanted, bars.arrays, bars.offsets)

    def spent(threads: int) -> _Spent:
        busy, wall, cpu = _busy(), time.perf_counter(), time.process_time()
        for _ in range(PASSES):
            run_all(wanted, bars.arrays, bars.offsets, threads=threads, into=columns)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return _Spent(wall, cpu, max(_busy() - busy - cpu, 0.0) / wall)

    pairs = [(spent(1), spent(2)) for _ in range(10 if quick else 40)]
    pairs.sort(key=lambda pair: max(one.others for one in pair))
    quiet = sum(max(one.others for one in pair) < QUIET for pair in pairs)
    counted = pairs[: quiet or max(len(pairs) // 10, 3)]
    measured = statistics.median(one.wall / two.wall for one, two in counted)
    cores = statistics.median(two.cpu / two.wall for _, two in counted)
    others = statistics.median(two.others for _, two in counted)
    extra = statistics.median(two.cpu / one.cpu for one, two in pairs)
    said = (
        f"one thread; {quiet} of {len(pairs)} rounds quiet, in those that count two threads had {cores:.2f} cores, "
        f"others {others:.2f} of {os.cpu_count()}; two threads use {extra:.2f} times the CPU time of one"
    )
    print(said)
    figure: Figure = {
        "measured": round(measured, 2),
        "target": TARGET,
        "unit": "x",
        "peer": said,
        "better": "higher",
    }
    return {"two_threads": figure}


def _busy() -> float:
    """CPU seconds that all processes have used since the machine started."""
    user, nice, system, _, _, interrupts, soft = (
        int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    )
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")

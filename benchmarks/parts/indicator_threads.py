"""The bundle with two threads against one: wall time, on the daily bars of all stocks.

The two take turns. Where something else uses the cores, two threads cannot have two of them: what the process
got is told beside the figure as CPU time over wall time, and a round in which a single thread was
kept waiting does not count.
"""

import statistics
import time
from typing import NamedTuple

import numpy as np

from benchmarks.parts.indicator_bars import Figure, stocks
from benchmarks.parts.indicator_bundle import BUNDLE
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.running import run_all

TARGET = 1.8
UNDISTURBED = 0.97


class _Spent(NamedTuple):
    wall: float
    cpu: float


def measure(*, quick: bool) -> dict[str, Figure]:
    """Wall time of one thread over wall time of two, median of the rounds that count."""
    bars = stocks()
    bounds = [parse_indicator(text) for text in BUNDLE]
    wanted = {bound: [np.float64] * len(bound.described) for bound in bounds}
    columns = run_all(wanted, bars.arrays, bars.offsets)

    def spent(threads: int) -> _Spent:
        wall, cpu = time.perf_counter(), time.process_time()
        run_all(wanted, bars.arrays, bars.offsets, threads=threads, into=columns)
        return _Spent(time.perf_counter() - wall, time.process_time() - cpu)

    pairs = [(spent(1), spent(2)) for _ in range(15 if quick else 61)]
    quiet = [(one, two) for one, two in pairs if one.cpu / one.wall >= UNDISTURBED]
    counted = quiet or pairs
    measured = statistics.median(one.wall / two.wall for one, two in counted)
    cores = statistics.median(two.cpu / two.wall for _, two in counted)
    extra = statistics.median(two.cpu / one.cpu for one, two in counted)
    said = f"{len(quiet)} of {len(pairs)} rounds undisturbed, two threads got {cores:.2f} cores"
    print(f"{said} and used {extra:.2f} times the CPU time of one")
    figure: Figure = {
        "measured": round(measured, 2),
        "target": TARGET,
        "unit": "x",
        "peer": f"one thread; {said}",
        "better": "higher",
    }
    return {"two_threads": figure}

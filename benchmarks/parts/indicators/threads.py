"""The bundle with two threads against one: wall time, on the daily bars of all stocks."""

import numpy as np

from benchmarks.common.bars import Figure, stocks
from benchmarks.common.two_threads import two_threads
from benchmarks.parts.indicators.bundle import BUNDLE
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.running import run_all


def measure(*, quick: bool) -> dict[str, Figure]:
    """Wall time of one thread over wall time of two, median of the rounds that count."""
    bars = stocks()
    bounds = [parse_indicator(text) for text in BUNDLE]
    wanted = {bound: [np.float64] * len(bound.described) for bound in bounds}
    columns = run_all(wanted, bars.arrays, bars.offsets)
    figure = two_threads(
        lambda threads: run_all(wanted, bars.arrays, bars.offsets, threads=threads, into=columns),
        passes=5,
        rounds=10 if quick else 40,
    )
    return {"two_threads": figure}

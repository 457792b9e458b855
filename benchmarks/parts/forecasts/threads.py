"""T5, the part of it that is ours to measure: fits of 400 series with two threads against one, wall time."""

from benchmarks.common.bars import Figure
from benchmarks.common.two_threads import two_threads
from benchmarks.parts.forecasts.garch import GJR_T, long_series, windows
from tradepipe.forecasting.batched.garch import fit_garch


def measure(*, quick: bool) -> dict[str, Figure]:
    """GJR with Student t, cold: the dearest fit of a member."""
    block = windows(long_series(), 400)
    fit_garch(block, GJR_T)
    figure = two_threads(lambda threads: fit_garch(block, GJR_T, threads=threads), passes=3, rounds=10 if quick else 40)
    return {"T5_two_threads_gjr_t": figure}

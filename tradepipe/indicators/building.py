"""Filling the cache of compiled kernels, so that no run has to wait for them.

A kernel takes a third of a second to compile; the whole set is compiled once, at install, in a few processes.
"""

import dataclasses
import multiprocessing
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tradepipe.indicators.errors import IndicatorError
from tradepipe.indicators.model import Indicator
from tradepipe.indicators.registry import indicator_named, indicators

PROCESSES = 2
# A process takes over a second to begin; fewer kernels than this are compiled where we are.
WORTH_A_PROCESS = 6


@dataclasses.dataclass(frozen=True)
class Built:
    """What `build` did.

    Attributes:
        compiled: indicators whose kernel was compiled now.
        cached: how many the cache had.
        kept: whether the compiled ones could be written to disk.
        seconds: wall time.
    """

    compiled: tuple[str, ...]
    cached: int
    kept: bool
    seconds: float


def build(processes: int = PROCESSES) -> Built:
    """Compile the kernels of all indicators that the cache lacks. Doing it again does nothing.

    Raises:
        IndicatorError: kernels that cannot be compiled; the others are. Or numba is told not to compile.
    """
    import numba  # noqa: PLC0415 - half a second

    if vars(numba.config)["DISABLE_JIT"]:
        raise IndicatorError("NUMBA_DISABLE_JIT is set, so numba compiles nothing. Remedy: unset it")
    begun = time.perf_counter()
    known = indicators()
    lacking = [name for name, one in known.items() if not _is_cached(one)]
    if len(lacking) < WORTH_A_PROCESS or processes < 2:
        failed = [_compile(name) for name in lacking]
    else:
        failed = _in_processes(lacking, processes)
    if any(failed):
        raise IndicatorError("\n".join(filter(None, failed)))
    kept = all(_is_cached(known[name]) for name in lacking)
    return Built(tuple(lacking), len(known) - len(lacking), kept, time.perf_counter() - begun)


def _in_processes(names: Sequence[str], processes: int) -> list[str]:
    # Started anew: this process has threads (polars), which a fork would lose. Long kernels go first.
    ordered = sorted(names, key=lambda name: -len(indicator_named(name).kernel.function.__code__.co_code))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _let_interrupts_pass) as pool:
        return list(pool.map(_compile, ordered))


def _let_interrupts_pass() -> None:
    """Ctrl-C reaches all processes: the one that began ends at it, the others after the kernel they are at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _compile(name: str) -> str:
    """Compile one kernel; what went wrong, in a line, or nothing."""
    from numba.core.errors import NumbaError  # noqa: PLC0415 - half a second

    indicator = indicator_named(name)
    try:
        indicator.kernel.prepare(*_shape(indicator))
    except NumbaError as error:
        return f"the kernel of {name} does not compile: {' '.join(str(error).split())}"
    return ""


def _is_cached(indicator: Indicator) -> bool:
    return indicator.kernel.is_cached(*_shape(indicator))


def _shape(indicator: Indicator) -> tuple[int, tuple[type[int] | type[float], ...], int]:
    kinds = tuple(parameter.kind for parameter in indicator.parameters)
    return len(indicator.inputs), kinds, len(indicator.bind().described)

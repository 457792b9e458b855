"""Filling the cache of compiled kernels, so that no run has to wait for them.

Most kernels take a third of a second to compile, the searches of the forecasts ten; all are compiled once, at install,
in a few processes.
"""

import dataclasses
import multiprocessing
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tradepipe.compiling.kernel import Compiled
from tradepipe.compiling.stamps import size_of

PROCESSES = 2
# A process takes over a second to begin; less code than this, in bytes for Python's own interpreter, is compiled where
# we are. It is that of six indicators.
WORTH_A_PROCESS = 2_500


class CompileError(RuntimeError):
    """A kernel cannot be compiled, or numba may not compile at all; the message says which and why."""


@dataclasses.dataclass(frozen=True)
class Job:
    """One kernel to compile.

    Attributes:
        name: for people.
        kernel: what is compiled.
        types: of its arguments, as `Compiled.prepare` takes them.
    """

    name: str
    kernel: Compiled
    types: str


@dataclasses.dataclass(frozen=True)
class Built:
    """What `build` did.

    Attributes:
        compiled: names of the kernels that were compiled now.
        cached: how many the cache had.
        kept: whether the compiled ones could be written to disk.
        seconds: wall time.
    """

    compiled: tuple[str, ...]
    cached: int
    kept: bool
    seconds: float


def build(jobs: Sequence[Job], processes: int = PROCESSES) -> Built:
    """Compile the kernels that the cache lacks. Doing it again does nothing.

    Raises:
        CompileError: kernels that cannot be compiled; the others are. Or numba is told not to compile.
    """
    import numba  # noqa: PLC0415 - half a second

    if vars(numba.config)["DISABLE_JIT"]:
        raise CompileError("NUMBA_DISABLE_JIT is set, so numba compiles nothing. Remedy: unset it")
    begun = time.perf_counter()
    missing = lacking(jobs)
    if processes < 2 or len(missing) < 2 or sum(size_of(job.kernel) for job in missing) < WORTH_A_PROCESS:
        failed = [_compile(job) for job in missing]
    else:
        failed = _in_processes(missing, processes)
    if any(failed):
        raise CompileError("\n".join(filter(None, failed)))
    names = tuple(job.name for job in missing)
    return Built(names, len(jobs) - len(missing), not lacking(missing), time.perf_counter() - begun)


def lacking(jobs: Sequence[Job]) -> list[Job]:
    """Those whose kernel the next process would have to compile."""
    return [job for job in jobs if not job.kernel.is_cached(job.types)]


def _in_processes(jobs: Sequence[Job], processes: int) -> list[str]:
    # Started anew: this process has threads (polars), which a fork would lose. Long kernels go first.
    ordered = sorted(jobs, key=lambda job: -size_of(job.kernel))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _let_interrupts_pass) as pool:
        return list(pool.map(_compile, ordered))


def _let_interrupts_pass() -> None:
    """Ctrl-C reaches all processes: the one that began ends at it, the others after the kernel they are at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _compile(job: Job) -> str:
    """Compile one kernel; what went wrong, in a line, or nothing."""
    from numba.core.errors import NumbaError  # noqa: PLC0415 - half a second

    try:
        job.kernel.prepare(job.types)
    except (NumbaError, TypeError) as error:  # TypeError: another number of arguments
        return f"the kernel of {job.name} does not compile: {' '.join(str(error).split())}"
    return ""

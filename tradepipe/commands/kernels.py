"""`tradepipe compile`: the kernels of indicators and forecasts, compiled before they are wanted."""

from rich.console import Console

from tradepipe.compiling.building import Job, build, lacking
from tradepipe.forecasting.engines import kernels as forecast_kernels
from tradepipe.indicators import building as indicator_kernels


def all_jobs() -> list[Job]:
    """The kernels of every room; the same name never means two."""
    return [*indicator_kernels.jobs(), *forecast_kernels.jobs()]


def show_build(console: Console, processes: int) -> None:
    """Fill the kernel cache and say what was done.

    Raises:
        CompileError: some kernels cannot be compiled; the others are.
    """
    done = build(all_jobs(), processes)
    count = len(done.compiled)
    console.print(f"{count} kernel{'' if count == 1 else 's'} compiled, {done.cached} cached ({done.seconds:.1f} s).")
    if not done.kept:
        console.print("  not kept: no cache folder may be written (set NUMBA_CACHE_DIR), or a module has changed.")


def kernels_kept() -> str:
    """How many kernels the cache has, for `tradepipe doctor`; to lack some costs time, and is no failure."""
    jobs = all_jobs()
    missing = [job.name for job in lacking(jobs)]
    if not missing:
        return f"{len(jobs)} compiled"
    names = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
    return (
        f"{len(jobs) - len(missing)} of {len(jobs)} compiled; the first run will wait for {names}. Remedy: "
        f"tradepipe compile"
    )

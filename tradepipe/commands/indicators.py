"""`tradepipe indicators`: what there is, how much history each needs, and compiling the kernels."""

from rich.console import Console

from tradepipe.indicators.building import build


def show_build(console: Console, processes: int) -> None:
    """Fill the kernel cache and say what was done."""
    done = build(processes)
    count = len(done.compiled)
    console.print(
        f"indicators: {count} kernel{'' if count == 1 else 's'} compiled, {done.cached} cached ({done.seconds:.1f} s)."
    )
    if not done.kept:
        console.print("  not kept: no cache folder may be written; each process compiles anew. Set NUMBA_CACHE_DIR.")

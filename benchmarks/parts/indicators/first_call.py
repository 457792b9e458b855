"""What a fresh process pays until its first indicators, with the kernel cache of the install."""

import time

from benchmarks.common.bars import Figure, walk
from benchmarks.common.processes import in_a_process

TARGET_SECONDS = 3.0
BARS = 250


def first_call() -> dict[str, float]:
    """CPU seconds of this process, imports and all, once a frame of the demo market's indicators is computed."""
    from benchmarks.parts.indicators.frames import frame_of, windows_of  # noqa: PLC0415 - what is measured
    from tradepipe.indicators import compute_indicators, parse_features  # noqa: PLC0415 - what is measured
    from tradepipe.settings import load_settings  # noqa: PLC0415 - what is measured

    wanted = parse_features(next(iter(load_settings().markets.values())).indicators)
    bars = frame_of(walk(1, BARS, 0.01))
    compute_indicators(bars, windows_of(), wanted)
    return {"seconds": time.process_time(), "indicators": len(wanted)}


def libraries() -> dict[str, float]:
    """CPU seconds of this process after importing the libraries that kernels and frames need."""
    import numba  # noqa: F401, PLC0415 - what is measured
    import polars  # noqa: F401, ICN001, PLC0415 - what is measured

    return {"seconds": time.process_time()}


def measure(*, quick: bool) -> dict[str, Figure]:
    """CPU seconds of the quickest of some processes, and what its imports alone took beside it."""
    rounds = 2 if quick else 5
    told = [(in_a_process(__name__, "first_call", {}), in_a_process(__name__, "libraries", {})) for _ in range(rounds)]
    ours, theirs = (min(pair[place]["seconds"] for pair in told) for place in (0, 1))
    print(f"first call of a fresh process: {ours:.2f} CPU-s, {theirs:.2f} of them for numba and polars")
    return {
        "first_call_of_a_fresh_process": {
            "measured": round(ours, 2),
            "target": TARGET_SECONDS,
            "unit": "CPU seconds",
            "peer": f"importing numba and polars alone: {theirs:.2f} CPU-s; quickest of {rounds}",
            "better": "lower",
        }
    }

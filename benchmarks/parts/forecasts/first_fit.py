"""T8: what a fresh process pays until its first forecast, with the kernel cache of the install."""

import time

from benchmarks.common.bars import Figure
from benchmarks.common.processes import in_a_process

TARGET_SECONDS = 3.0
SYMBOLS, BARS = 5, 500


def first_fit() -> dict[str, float]:
    """CPU seconds of this process, imports and all, once an ARMA with a GJR-t variance is fitted and forecast."""
    import numpy as np  # noqa: PLC0415 - what is measured

    from tradepipe.forecasting.engines import fit_batch, forecast_batch  # noqa: PLC0415 - what is measured
    from tradepipe.forecasting.model import ModelSpec, Panel  # noqa: PLC0415 - what is measured

    symbols = tuple(f"S{number}" for number in range(SYMBOLS))
    panel = Panel(symbols, tuple(np.random.default_rng(8).standard_t(6, (SYMBOLS, BARS)) / 100))
    mean, variance = ModelSpec("arma", (1, 0, 1)), ModelSpec("gjr", (1, 1), mean="zero", distribution="t")
    fits = fit_batch(panel, [mean])
    fits |= fit_batch(Panel(symbols, fits[mean].residuals), [variance])
    forecast_batch(fits, 5)
    if any(one.engine != ("batched",) * SYMBOLS for one in fits.values()):
        raise SystemExit(f"not all were fitted by kernels: {[one.reason for one in fits.values()]}")
    return {"seconds": time.process_time()}


def libraries() -> dict[str, float]:
    """CPU seconds of this process after importing the libraries that kernels need."""
    import numba  # noqa: F401, PLC0415 - what is measured

    return {"seconds": time.process_time()}


def measure(*, quick: bool) -> dict[str, Figure]:
    """CPU seconds of the quickest of some processes, and what importing numba alone took beside it."""
    rounds = 3 if quick else 7
    told = [(in_a_process(__name__, "first_fit", {}), in_a_process(__name__, "libraries", {})) for _ in range(rounds)]
    ours, theirs = (min(pair[place]["seconds"] for pair in told) for place in (0, 1))
    print(f"first fit of a fresh process: {ours:.2f} CPU-s, {theirs:.2f} of them for importing numba")
    return {
        "T8_first_fit": {
            "measured": round(ours, 2),
            "target": TARGET_SECONDS,
            "unit": "CPU seconds",
            "peer": f"importing numba alone: {theirs:.2f} CPU-s; quickest of {rounds}",
            "better": "lower",
        }
    }

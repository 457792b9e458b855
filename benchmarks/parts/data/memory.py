"""Peak memory of a process that takes daily stocks through every layer.

The peer is the memory of the same process before its first row: what the imports alone need.
"""

import tempfile
from pathlib import Path

from benchmarks.common import stocks
from benchmarks.common.processes import in_a_process

Figure = dict[str, float | str]

SMALL_TARGET_MB, LARGE_TARGET_MB = 400, 800


def through_all_layers() -> dict[str, float]:
    """Peak memory in MB after the imports and after every layer, and the CPU seconds of the latter."""
    from time import process_time  # noqa: PLC0415

    from tradepipe.commands.project import Project  # noqa: PLC0415
    from tradepipe.commands.run import update  # noqa: PLC0415
    from tradepipe.forecasting.members import run  # noqa: F401, PLC0415 - engines, as forecasts need them
    from tradepipe.indicators.kernels import windows  # noqa: F401, PLC0415 - numba
    from tradepipe.observability.meter import peak_memory_mb  # noqa: PLC0415

    project = Project.load()
    market = project.market(stocks.MARKET)
    assert project.runner is not None  # noqa: S101 - imports Dagster
    imported, start = peak_memory_mb(), process_time()
    done = update(project, market)
    assert done.executions  # noqa: S101
    return {"peak_mb": peak_memory_mb(), "imported_mb": imported, "cpu": process_time() - start}


def _figure(source: Path, symbols: int | None, years: int, target: int) -> Figure:
    # Fits are what takes long and need no memory that grows: few of them are enough here.
    bars = 250 * years
    forecasts = {"train_bars": bars, "min_train_bars": bars - 42}
    with tempfile.TemporaryDirectory() as folder:
        home = stocks.build(
            Path(folder) / "home", source, years=years, symbols=symbols, partition="month", forecasts=forecasts
        )
        found = in_a_process(__name__, "through_all_layers", home.environment)
    print(f"{symbols or 505} symbols, {years} years, every layer: {found}")
    return {
        "measured": round(found["peak_mb"]),
        "target": target,
        "unit": "MB peak",
        "peer": f"imports alone {found['imported_mb']:.0f} MB",
        "better": "lower",
    }


def measure(*, quick: bool) -> dict[str, Figure]:
    """50 symbols over 2 years; all 505 over 5 years too unless `quick`."""
    source = stocks.shared_file()
    if source is None:
        print("memory: skipped, the 505-stock file is not beside the checkout")
        return {}
    figures = {"peak_memory_50_symbols_2_years": _figure(source, 50, 2, SMALL_TARGET_MB)}
    if not quick:
        figures["peak_memory_505_symbols_5_years"] = _figure(source, None, 5, LARGE_TARGET_MB)
    return figures

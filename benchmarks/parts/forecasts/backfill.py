"""T9: five years of daily forecasts by every member and the ensemble, of 505 stocks, through Dagster.

Refits are daily. What is not the library's work, reading, fitting, combining and publishing, is orchestration: runs,
events, metadata and plots. Both are told apart within one run, so that no other load on the machine lies between them.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from benchmarks.common import stocks
from benchmarks.common.processes import in_a_process
from benchmarks.parts.data.backfill import check, opened

Figure = dict[str, float | str]
P = ParamSpec("P")
T = TypeVar("T")

SECONDS_TARGET = 240.0
SHARE_TARGET = 0.05
LAYERS = ("member_forecasts", "forecasts")
INPUTS = ("raw_bars", "bars", "indicators")


def inputs() -> dict[str, float]:
    """What forecasts are made from, through Dagster."""
    project, market = opened()
    keys = project.keys(market)
    check(project.runner.materialise(market, INPUTS, keys[0], keys[-1]))
    return {"partitions": len(keys)}


def through_dagster() -> dict[str, float]:
    """Wall and CPU seconds of one Dagster run of both layers over every partition, and the library's part of these."""
    from time import perf_counter, process_time  # noqa: PLC0415

    from tradepipe.chain import ensemble, members  # noqa: PLC0415

    project, market = opened()
    keys, runner, worked = project.keys(market), project.runner, [0.0]
    # The bodies of the two assets look these up when they run.
    members.publish_members = _counted(members.publish_members, worked)
    ensemble.publish_forecasts = _counted(ensemble.publish_forecasts, worked)
    wall, cpu = perf_counter(), process_time()
    check(runner.materialise(market, LAYERS, keys[0], keys[-1]))
    spent = {"wall": perf_counter() - wall, "cpu": process_time() - cpu}
    return {**spent, "worked": worked[0], "partitions": len(keys)}


def _counted(work: Callable[P, T], worked: list[float]) -> Callable[P, T]:
    """`work`, which adds the CPU seconds that it takes, on all threads, to the one number `worked`."""
    from time import process_time  # noqa: PLC0415

    def counted(*given: P.args, **named: P.kwargs) -> T:
        started = process_time()
        try:
            return work(*given, **named)
        finally:
            worked[0] += process_time() - started

    return counted


def measure(*, quick: bool) -> dict[str, Figure]:
    """Seconds of the backfill on the cores there are, at most two, and the share that is orchestration."""
    source = stocks.shared_file()
    if source is None:
        print("forecast backfill: skipped, the 505-stock file is not beside the checkout")
        return {}
    symbols, years = (20, 3) if quick else (None, 5)
    threads = min(os.cpu_count() or 1, 2)
    with tempfile.TemporaryDirectory() as folder:
        home = stocks.build(
            Path(folder) / "home", source, years=years, symbols=symbols, partition="month", threads=threads
        )
        in_a_process(__name__, "inputs", home.environment)
        whole = in_a_process(__name__, "through_dagster", home.environment)
    print(f"forecast backfill of {years} years: {whole}")
    return {
        "T9_backfill": {
            "measured": round(whole["wall"], 1),
            "target": SECONDS_TARGET,
            "unit": f"s of wall, {threads} threads",
            "peer": f"{symbols or 505} stocks, {years} years, daily refits; {whole['cpu']:.0f} CPU-s",
            "better": "lower",
        },
        "T9_orchestration_share": {
            "measured": round(1 - whole["worked"] / whole["cpu"], 3),
            "target": SHARE_TARGET,
            "unit": "of CPU",
            "peer": f"the library's work within the same run, {whole['worked']:.1f} CPU-s of {whole['cpu']:.1f}",
            "better": "lower",
        },
    }

"""T9: five years of daily forecasts by every member and the ensemble, of 505 stocks, through Dagster.

Refits are daily. The peer does the same work in the same process without Dagster: the same library calls on the same
bars and indicators into a store and a cache of fits of its own.
"""

import os
import tempfile
from pathlib import Path

from benchmarks.parts import stocks
from benchmarks.parts.backfill import check, opened
from benchmarks.parts.processes import in_a_process

Figure = dict[str, float | str]

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
    """Wall and CPU seconds of one Dagster run of both layers over every partition."""
    from time import perf_counter, process_time  # noqa: PLC0415

    project, market = opened()
    keys, runner = project.keys(market), project.runner
    wall, cpu = perf_counter(), process_time()
    check(runner.materialise(market, LAYERS, keys[0], keys[-1]))
    return {"wall": perf_counter() - wall, "cpu": process_time() - cpu, "partitions": len(keys)}


def without_dagster() -> dict[str, float]:
    """Wall and CPU seconds of the same work by the library alone."""
    from time import perf_counter, process_time  # noqa: PLC0415

    project, market = opened()
    keys = project.keys(market)
    wall, cpu = perf_counter(), process_time()
    _by_hand(project, market, keys)
    return {"wall": perf_counter() - wall, "cpu": process_time() - cpu, "partitions": len(keys)}


def _by_hand(project, market, keys) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """What the bodies of the two assets do, without what they tell Dagster."""
    from tradepipe.chain import LayerRun  # noqa: PLC0415
    from tradepipe.chain.ensemble import publish_forecasts  # noqa: PLC0415
    from tradepipe.chain.members import publish_members  # noqa: PLC0415
    from tradepipe.forecasting.refits.stored import StoredFits  # noqa: PLC0415

    kept = StoredFits.open(project.settings.models_url, project.settings.models.keep_fits)
    publish_members(LayerRun(project.store, market, "member_forecasts", keys), kept)
    publish_forecasts(LayerRun(project.store, market, "forecasts", keys))


def measure(*, quick: bool) -> dict[str, Figure]:
    """Seconds of the backfill on the cores there are, at most two, and the share that is orchestration."""
    source = stocks.shared_file()
    if source is None:
        print("forecast backfill: skipped, the 505-stock file is not beside the checkout")
        return {}
    symbols, years = (20, 3) if quick else (None, 5)
    threads = min(os.cpu_count() or 1, 2)
    spent: dict[str, dict[str, float]] = {}
    for entry in ("through_dagster", "without_dagster"):
        with tempfile.TemporaryDirectory() as folder:
            home = stocks.build(
                Path(folder) / "home", source, years=years, symbols=symbols, partition="month", threads=threads
            )
            in_a_process(__name__, "inputs", home.environment)
            spent[entry] = in_a_process(__name__, entry, home.environment)
        print(f"forecast backfill of {years} years, {entry}: {spent[entry]}")
    whole, alone = spent["through_dagster"], spent["without_dagster"]
    return {
        "T9_backfill": {
            "measured": round(whole["wall"], 1),
            "target": SECONDS_TARGET,
            "unit": f"s of wall, {threads} threads",
            "peer": f"{symbols or 505} stocks, {years} years, daily refits; {whole['cpu']:.0f} CPU-s",
            "better": "lower",
        },
        "T9_orchestration_share": {
            "measured": round(max(1 - alone["cpu"] / whole["cpu"], 0.0), 3),
            "target": SHARE_TARGET,
            "unit": "of CPU",
            "peer": f"the same work without Dagster, {alone['cpu']:.1f} CPU-s of {whole['cpu']:.1f}",
            "better": "lower",
        },
    }

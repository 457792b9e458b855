"""Backfills through Dagster: what orchestration costs beside the work, and how cost grows with time.

The peer does the same work in the same process without Dagster: the same library calls on the same
landing file into a store of its own.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import stocks
from benchmarks.common.processes import in_a_process

if TYPE_CHECKING:
    from tradepipe.commands.project import Outcome, Project
    from tradepipe.markets import Market

Figure = dict[str, float | str]

SHARE_TARGET = 0.30
GROWTH_TARGET = 1.1


def through_dagster() -> dict[str, float]:
    """CPU seconds of one Dagster run of raw_bars and bars over every partition."""
    from time import process_time  # noqa: PLC0415

    from tradepipe.commands.project import Project  # noqa: PLC0415

    project, market = opened()
    runner = Project.load().runner
    keys = project.keys(market)
    # The first run of a process compiles, imports and migrates: it is no part of a partition's cost.
    check(runner.materialise(market, ("raw_bars", "bars"), keys[0], keys[0]))
    start = process_time()
    check(runner.materialise(market, ("raw_bars", "bars"), keys[0], keys[-1]))
    return {"cpu": process_time() - start, "partitions": len(keys)}


def without_dagster() -> dict[str, float]:
    """CPU seconds of the same work by the library alone."""
    from time import process_time  # noqa: PLC0415

    project, market = opened()
    keys = project.keys(market)
    _by_hand(project, market, keys[:1])
    start = process_time()
    _by_hand(project, market, keys)
    return {"cpu": process_time() - start, "partitions": len(keys)}


def opened() -> "tuple[Project, Market]":
    """The project of this process's settings, and its market of stocks."""
    from tradepipe.commands.project import Project  # noqa: PLC0415

    project = Project.load()
    return project, project.market(stocks.MARKET)


def check(outcome: "Outcome") -> None:
    """End the process where a run failed."""
    if not outcome.success:
        raise SystemExit(f"backfill failed: {outcome.error}")


def _by_hand(project, market, keys) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """What the bodies of the two assets do, without what they tell Dagster."""
    from tradepipe.bars import clean_bars  # noqa: PLC0415
    from tradepipe.chain import LayerRun  # noqa: PLC0415
    from tradepipe.contracts import BARS_HISTORY, GAPS  # noqa: PLC0415

    run, arrived = LayerRun(project.store, market, "raw_bars", keys), project.landing(market)
    raw = arrived.rows_of(run.keys)
    arrived.keep(project.store, None)
    run.publish(raw.rows, refused=raw.refused, inputs={key: arrived.inputs(key) for key in run.keys})
    run = LayerRun(project.store, market, "bars", keys)
    cleaned = clean_bars(run.place(run.read("raw_bars")), market, run.read("releases"))
    beside = {"history": (BARS_HISTORY, cleaned.history), "gaps": (GAPS, cleaned.gaps)}
    run.publish(cleaned.bars, refused=cleaned.refused, beside=beside)


def measure(*, quick: bool) -> dict[str, Figure]:
    """Share of orchestration, and CPU a partition over five years against one."""
    source = stocks.shared_file()
    if source is None:
        print("backfill: skipped, the 505-stock file is not beside the checkout")
        return {}
    symbols, long = (50, 2) if quick else (None, 5)
    spent: dict[int, dict[str, dict[str, float]]] = {}
    for years in (1, long):
        spent[years] = {}
        for entry in ("through_dagster", "without_dagster"):
            with tempfile.TemporaryDirectory() as folder:
                home = stocks.build(Path(folder) / "home", source, years=years, symbols=symbols, partition="session")
                spent[years][entry] = in_a_process(__name__, entry, home.environment)
        print(f"backfill of {years} years: {spent[years]}")
    whole, alone = spent[long]["through_dagster"], spent[long]["without_dagster"]
    each = {years: one["through_dagster"]["cpu"] / one["through_dagster"]["partitions"] for years, one in spent.items()}
    return {
        "backfill_orchestration_share": {
            "measured": round(1 - alone["cpu"] / whole["cpu"], 3),
            "target": SHARE_TARGET,
            "unit": "of CPU",
            "peer": f"the same work without Dagster, {alone['cpu']:.2f} CPU-s of {whole['cpu']:.2f}",
            "better": "lower",
        },
        "backfill_growth": {
            "measured": round(each[long] / each[1], 3),
            "target": GROWTH_TARGET,
            "unit": f"CPU a partition, {long} years over 1",
            "peer": f"1 year, {each[1] * 1e3:.1f} CPU-ms a partition",
            "better": "lower",
        },
    }

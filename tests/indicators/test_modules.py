"""What importing costs, and the traps of numba's disk cache."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tradepipe.indicators
from tradepipe.compiling.building import build
from tradepipe.indicators import indicators
from tradepipe.indicators.building import jobs

ROOM = Path(tradepipe.indicators.__file__).parent

IMPORT_ONLY = """
import sys
from tradepipe.indicators import contract_for, indicators, lookback_of, parse_indicators
bound = parse_indicators(indicators())
contract_for(bound), lookback_of(bound), [one.specification() for one in bound]
print(sorted({"numba", "pandera", "dagster", "pandas", "scipy", "talib"} & set(sys.modules)))
"""

FIRST_CALL = """
import sys
import datetime as dt
import numpy as np
import polars as pl
from tradepipe.indicators import Live, State, compute_indicators, indicators, parse_features
from tradepipe.indicators.inputs import INPUTS
from tradepipe.settings import load_settings

opens = pl.datetime_range(dt.datetime(2020, 1, 1), dt.datetime(2020, 12, 31), "1d", time_zone="UTC", eager=True)
times = {name: opens for name in ("open_time", "close_time", "known_at")}
numbers = {name: np.linspace(1.0, 2.0, len(opens)) for name in INPUTS}
bars = pl.DataFrame({"symbol": ["AAA"] * len(opens), **times, **numbers, "session": opens.dt.date()})
ever = dt.date(1900, 1, 1), dt.date(2999, 1, 1)
windows = pl.DataFrame(
    {"partition": ["all"], "anchor_session": [ever[0]], "first_session": [ever[0]], "last_session": [ever[1]]}
)
default = next(iter(load_settings().markets.values())).indicators
compute_indicators(bars, windows, parse_features(default))
print(len(default), *sorted({"dagster", "pandas", "talib"} & set(sys.modules)))

every = [one.bind() for one in indicators().values()]
compute_indicators(bars, windows, every)
Live(every, ["AAA"]).update(bars.head(1).to_dict())
for one in every:
    State(one).update(bars.row(0, named=True))
for one in every:
    kernel = one.indicator.kernel.dispatcher
    print(one.name, len(kernel.signatures), sum(kernel.stats.cache_misses.values()))
"""

BUILD = """
import json
from tradepipe.compiling.building import build
from tradepipe.indicators.building import jobs
if __name__ == "__main__":
    done = build(jobs())
    print(json.dumps({"compiled": sorted(done.compiled), "cached": done.cached, "kept": done.kept}))
"""


def run_python(code, cwd=Path(__file__).parents[2], **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        cwd=cwd,
    ).stdout


@pytest.mark.slow
def test_importing_parsing_and_live_states_need_no_heavy_library():
    assert run_python(IMPORT_ONLY).strip() == "[]"


@pytest.mark.slow
def test_kernels_run_in_python_where_numba_may_not_compile():
    """For a debugger."""
    code = """
from tradepipe.indicators import State, parse_indicator
state = State(parse_indicator("rsi(2)"))
print([state.update({"close": close})["rsi_2"] for close in (1.0, 2.0, 1.0)])
"""
    assert run_python(code, NUMBA_DISABLE_JIT="1").strip() == "[None, None, 50.0]"


@pytest.mark.slow
def test_the_first_call_of_a_fresh_process_waits_for_no_compiler():
    """All kernels are compiled at install, for the very types that batch, states and live series call them with."""
    assert build(jobs()).kept
    assert build(jobs()).compiled == ()
    # How long it takes is for the benchmark to tell; what would make it long is a compiler, or a library too many.
    first, *rest = [line.split() for line in run_python(FIRST_CALL).splitlines()]
    assert int(first[0]) >= 5
    assert first[1:] == []
    assert [name for name, _, _ in rest] == list(indicators())
    assert {name for name, signatures, misses in rest if (signatures, misses) != ("1", "0")} == set()


@pytest.mark.slow
def test_a_cold_cache_is_filled_and_serves_the_next_process(tmp_path):
    """The whole set costs half a minute; a package of two indicators shows the same."""
    shutil.copytree(ROOM.parent, tmp_path / "tradepipe", ignore=shutil.ignore_patterns("__pycache__"))
    kept = {"momentum", "roc", "__init__"}
    for file in (tmp_path / "tradepipe" / "indicators" / "families").glob("*/*.py"):
        if file.stem not in kept:
            file.unlink()

    def done():
        return json.loads(run_python(BUILD, PYTHONPATH=str(tmp_path), cwd=tmp_path))

    assert done() == {"compiled": sorted(kept - {"__init__"}), "cached": 0, "kept": True}
    assert done() == {"compiled": [], "cached": 2, "kept": True}

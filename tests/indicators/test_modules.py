"""What importing costs, and the traps of numba's disk cache."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tradepipe.indicators

ROOM = Path(tradepipe.indicators.__file__).parent

IMPORT_ONLY = """
import sys
from tradepipe.indicators import contract_for, indicators, lookback_of, parse_indicators
bound = parse_indicators(indicators())
contract_for(bound), lookback_of(bound), [one.specification() for one in bound]
print(sorted({"numba", "pandera", "dagster", "pandas", "scipy", "talib"} & set(sys.modules)))
"""

KERNEL_USE = """
import numpy as np
from tradepipe.indicators import indicators
from tradepipe.indicators.compute import run_kernel
arrays = {}
for name in ("open", "high", "low", "close", "volume"):
    arrays[name] = np.linspace(1.0, 2.0, 60)
    arrays[name].flags.writeable = False
for indicator in indicators().values():
    run_kernel(indicator.bind(), arrays, np.array([0, 60]))
    kernel = indicator.kernel.dispatcher
    print(indicator.name, len(kernel.signatures), sum(kernel.stats.cache_hits.values()))
"""


SMA_USE = """
import numpy as np
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.compute import run_kernel
close = np.array([1.0, 2.0, 3.0])
close.flags.writeable = False
bound = parse_indicator("sma(3)")
print(run_kernel(bound, {"close": close}, np.array([0, 3]))[0][-1])
print(sum(bound.indicator.kernel.dispatcher.stats.cache_hits.values()))
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


def test_importing_parsing_and_live_states_need_no_heavy_library():
    assert run_python(IMPORT_ONLY).strip() == "[]"


@pytest.mark.slow
def test_kernels_compile_once_and_come_from_the_cache_in_the_next_process(tmp_path):
    cold = [line.split() for line in run_python(KERNEL_USE, NUMBA_CACHE_DIR=str(tmp_path)).splitlines()]
    assert cold
    assert all(signatures == "1" and hits == "0" for _, signatures, hits in cold)
    warm = [line.split() for line in run_python(KERNEL_USE, NUMBA_CACHE_DIR=str(tmp_path)).splitlines()]
    assert [name for name, _, _ in warm] == [name for name, _, _ in cold]
    assert all(hits == "1" for _, _, hits in warm)


def test_an_edit_of_a_shared_kernel_recompiles_its_callers(tmp_path):
    """Numba itself watches the file of the compiled function alone."""
    shutil.copytree(ROOM.parent, tmp_path / "tradepipe", ignore=shutil.ignore_patterns("__pycache__"))
    shared = tmp_path / "tradepipe" / "indicators" / "kernels" / "windows.py"

    def hits():
        return run_python(SMA_USE, PYTHONPATH=str(tmp_path), cwd=tmp_path).split()

    assert hits() == ["2.0", "0"]
    assert hits() == ["2.0", "1"]
    shared.write_text(shared.read_text().replace("mean[end - 1] = anchor + total / period", "mean[end - 1] = 7.0"))
    assert hits() == ["7.0", "0"]

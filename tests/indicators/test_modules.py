"""What importing costs, and the traps of numba's disk cache."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tradepipe.indicators

KERNELS = sorted((Path(tradepipe.indicators.__file__).parent / "kernels").glob("*.py"))

IMPORT_ONLY = """
import sys
from tradepipe.indicators import contract_for, indicators, lookback_of, parse_indicators
bound = parse_indicators(indicators())
contract_for(bound), lookback_of(bound), [one.specification() for one in bound]
states = [one.state() for one in bound]
for state in states:
    state.update({"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0})
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
    kernel = indicator.kernel()
    print(indicator.name, len(kernel.signatures), sum(kernel.stats.cache_hits.values()))
"""


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
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


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_no_kernel_module_calls_another(path):
    """Numba's cache watches one file a function: a helper compiled elsewhere would change unnoticed."""
    imported = [
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tradepipe")
    ]
    assert set(imported) <= {"tradepipe.indicators.kernels.compiling"}

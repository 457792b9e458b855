import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["tradepipe.forecasting", "tradepipe.signals"])
def test_importing_is_light(module):
    heavy = {"statsmodels", "arch", "scipy", "pandas", "pandera", "matplotlib", "numba"}
    script = f"import sys, {module}; print(*sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

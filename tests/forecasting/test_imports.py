import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tradepipe.forecasting

ROOM = Path(tradepipe.forecasting.__file__).parent
STACK = {"numpy", "polars", "scipy", "numba", "statsmodels", "arch"}
"""What forecasts may rest on; kernels reach numba through tradepipe.compiling."""


def others_of(file):
    """Distributions beside the standard library that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"tradepipe"}


@pytest.mark.slow
def test_forecasts_rest_on_the_approved_stack_alone():
    """Databases belong to the registry and to what keeps fits; no number follows from them."""
    kept = {
        "registry/": {"sqlalchemy", "alembic"},
        "refits/stored.py": {"sqlalchemy"},
        "refits/lenient.py": {"sqlalchemy"},
    }
    found = {str(file.relative_to(ROOM)): others_of(file) for file in ROOM.rglob("*.py")}
    strange = {
        name: others
        for name, used in found.items()
        if (others := used - STACK - next((some for start, some in kept.items() if name.startswith(start)), set()))
    }
    assert strange == {}
    assert {"statsmodels", "arch"} <= set().union(*found.values())


@pytest.mark.slow
@pytest.mark.parametrize("module", ["tradepipe.forecasting", "tradepipe.signals"])
def test_importing_is_light(module):
    heavy = {"statsmodels", "arch", "scipy", "pandas", "pandera", "matplotlib", "numba"}
    script = f"import sys, {module}; print(*sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

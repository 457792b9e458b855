"""What newcomers read: the example of CONTRIBUTING.md is all that it takes, the map of the room is complete."""

import re
import shutil
import subprocess
import sys

import pytest

from tradepipe.paths import source_checkout

ROOT = source_checkout()
MODULES = ("test_specification", "test_oracles", "test_compute", "test_registry")


@pytest.mark.slow
def test_the_example_of_the_guide_is_all_that_it_takes(tmp_path):
    guide = (ROOT / "docs/CONTRIBUTING.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (place,) = re.findall(r"`(families/\w+/midpoint\.py)`", guide)
    (oracle,) = re.findall(r'`("midpoint": lambda .*?)`\)', guide)
    for room in ("tradepipe", "tests"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tradepipe/indicators" / place).write_text(example)
    oracles = tmp_path / "tests/indicators/oracles/averages.py"
    oracles.write_text(oracles.read_text().replace("TALIB = {", f"TALIB = {{\n    {oracle},"))
    files = [f"tests/indicators/{module}.py" for module in MODULES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *files, "-k", "midpoint", "-v", "-p", "no:cacheprovider"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    for test in (
        "test_kernel_equals_specification_on_index_bars",
        "test_live_equals_batch_on_real_bars",
        "test_after_the_lookback_the_start_no_longer_matters",
        "test_the_warm_up_is_as_declared",
        "test_no_value_knows_the_future",
        "test_input_never_changes",
        "test_short_series_give_nulls_not_errors",
        "test_talib_agrees_on_index_bars",
        "test_an_indicator_says_what_it_is",
    ):
        assert re.search(rf"::{test}\[.*midpoint.*\] PASSED", done.stdout), test


def test_the_map_of_the_room_names_every_module():
    text = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(
        r"^\| (`.*?) \|", text.split("## How an indicator is computed")[1].split("\n## ")[0], re.MULTILINE
    )
    named = re.findall(r"`(\w+)/?`", " ".join(rows))
    room = ROOT / "tradepipe/indicators"
    there = [path.stem for path in room.glob("[a-z]*.py")] + [
        path.parent.name for path in room.glob("[a-z]*/__init__.py")
    ]
    assert sorted(named) == sorted(there)

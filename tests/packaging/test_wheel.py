"""The wheel, built and installed in a clean environment, used from another directory."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.memory import folder_on_disk
from tests.projects import MARKET

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LISTED = "import tradepipe.definitions as d; print(sorted(k.to_user_string() for k in d.defs.resolve_all_asset_keys()))"


# What points at this checkout or at another project must not help the wheel.
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("TRADEPIPE_", "DAGSTER_", "PYTHON", "VIRTUAL_ENV"))
}


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**CLEAN, "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel) -> Iterator[Path]:
    """The bin folder of a new environment that holds the locked dependencies and the wheel, nothing else."""
    folder = folder_on_disk()  # over a gigabyte
    try:
        uv = Path(sys.executable).parent / "uv"
        cache = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))}
        run(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder, **cache)
        python = folder / "venv" / "bin" / "python"
        locked = ROOT / "deploy" / "locks" / "runtime.txt"
        run(uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", locked, cwd=folder, **cache)
        run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel, cwd=folder, **cache)
        yield python.parent
    finally:
        shutil.rmtree(folder)


def test_the_wheel_holds_the_packages_and_their_data_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"tradepipe", "assets", "resources", "sensors"}
    for wanted in (
        "tradepipe/_conf/base.yaml",
        "tradepipe/_conf/markets/us_indices.yaml",
        "tradepipe/_conf/dagster.yaml",
        "tradepipe/_manifests/universes/us_indices.yaml",
        "tradepipe/_sql/market_summary.sql",
        "tradepipe/py.typed",
        "tradepipe/reporting/templates/report.html.jinja",
    ):
        assert wanted in names
    assert [name for name in names if re.search(r"(^|/)(tests?/|test_|conftest)", name)] == []


def test_the_installed_wheel_lists_the_definitions_from_another_directory(installed, tmp_path):
    text = run(installed / "python", "-c", LISTED, cwd=tmp_path)
    assert f"'{MARKET}/positions'" in text


def test_the_installed_wheel_validates_and_shows_its_configuration(installed, tmp_path):
    environment = {"DAGSTER_HOME": str(tmp_path)}
    text = run(
        installed / "dagster", "definitions", "validate", "-m", "tradepipe.definitions", cwd=tmp_path, **environment
    )
    assert "Validation successful" in text
    text = run(installed / "tradepipe", "config", "show", "markets.us_indices.calendar", cwd=tmp_path)
    assert "XNYS" in text


LIVE = """
from tradepipe.indicators import State, parse_indicator
state = State(parse_indicator("sma(2)"))
print([state.update({"close": close})["sma_2"] for close in (1.0, 2.0)])
kernel = state.bound.indicator.kernel.dispatcher
print(sum(kernel.stats.cache_hits.values()), kernel.stats.cache_path)
"""


def test_the_installed_wheel_compiles_its_indicators_on_first_use_and_keeps_them(installed, tmp_path):
    text = run(installed / "tradepipe", "indicators", "list", cwd=tmp_path)
    assert "bollinger(period=20, width=2)" in text
    text = run(installed / "tradepipe", "indicators", "show", "bollinger(20, 2.5)", cwd=tmp_path)
    assert "bollinger_20_2p5_upper" in text
    first, second = (run(installed / "python", "-c", LIVE, cwd=tmp_path).splitlines() for _ in range(2))
    assert first[0] == second[0] == "[None, 1.5]"
    assert [first[1].split()[0], second[1].split()[0]] == ["0", "1"]
    assert Path(first[1].split()[1]).is_relative_to(installed.parent)


FEW = """
from tradepipe.commands import kernels
every = kernels.all_jobs()
kernels.all_jobs = lambda: [job for job in every if job.name in ("rsi", "returns", "garch_filtering.carry")]
from tradepipe.cli import app
app(["compile"])
"""


def test_the_installed_wheel_compiles_its_kernels_once(installed, tmp_path):
    """Three of them; all are a minute of compiling."""
    text = run(installed / "python", "-c", FEW, cwd=tmp_path)
    assert "3 kernels compiled, 0 cached" in text
    assert "not kept" not in text
    assert "0 kernels compiled, 3 cached" in run(installed / "python", "-c", FEW, cwd=tmp_path)


def test_nothing_of_the_development_tools_is_needed(installed):
    found = run(installed / "python", "-c", "import importlib.util as u; print(u.find_spec('pytest'))", cwd=installed)
    assert found.strip() == "None"

"""The house's own measures: short modules, short asset bodies, top-level folders as agreed."""

import ast
import re
import subprocess

import pytest

from tradepipe.paths import source_checkout

ROOT = source_checkout()
MODULE_LINES = 300
BODY_LINES = 25
TOP = {
    ".ci", ".gitignore", "Makefile", "README.md", "assets", "benchmarks", "conf", "data", "dbt_like_sql", "deploy",
    "docs", "pyproject.toml", "resources", "sensors", "tests", "tradepipe", "workspace.yaml",
}  # fmt: skip


def modules():
    return [path for room in ("tradepipe", "assets", "resources", "sensors") for path in (ROOT / room).rglob("*.py")]


def test_no_module_is_a_hall():
    assert [path for path in modules() if len(path.read_text().splitlines()) > MODULE_LINES] == []


def test_asset_bodies_load_compute_publish_and_report():
    long = [
        (path.name, node.lineno)
        for path in (ROOT / "assets").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name == "body" and node.end_lineno - node.lineno > BODY_LINES
    ]
    assert long == []


def test_every_part_of_a_benchmark_measures_and_every_benchmark_has_parts():
    parts = [path for path in (ROOT / "benchmarks" / "parts").glob("*/*.py") if path.name != "__init__.py"]
    functions = {
        path: {node.name for node in ast.parse(path.read_text()).body if hasattr(node, "name")} for path in parts
    }
    assert [path for path, names in functions.items() if "measure" not in names] == []
    assert {path.parent.name for path in parts} <= {path.stem for path in (ROOT / "benchmarks").glob("*.py")}


def test_every_page_that_the_docs_link_to_exists():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_top_level_is_as_agreed():
    git = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode:
        pytest.skip("not a git checkout")
    assert {name.split("/")[0] for name in git.stdout.splitlines()} <= TOP

"""Values come from the bars alone: no file, no clock, no chance."""

import ast
import sys
from pathlib import Path

import pytest

import tradepipe.indicators
from tradepipe.indicators import compute_indicators, indicators, parse_indicators

ROOM = Path(tradepipe.indicators.__file__).parent
MODULES = {"os", "pathlib", "random", "secrets", "shutil", "socket", "subprocess", "tempfile", "time", "uuid"}
CALLS = {"default_rng", "now", "open", "perf_counter", "rand", "random", "time", "today", "utcnow", "write_bytes"}
EVENTS = ("open", "os.", "shutil.", "socket.", "sqlite3.", "subprocess.", "tempfile.")
COMPUTING = sorted(ROOM.rglob("*.py"))


def name_of(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("path", COMPUTING, ids=lambda path: path.relative_to(ROOM).as_posix())
def test_a_module_reaches_for_nothing_outside(path):
    nodes = list(ast.walk(ast.parse(path.read_text())))
    imported = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module).split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    called = {name_of(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert (imported & MODULES, called & CALLS) == (set(), set())
    assert not any(isinstance(node, ast.Global) for node in nodes)


def test_computing_opens_nothing(index_bars, one_window):
    asked, bars = parse_indicators(indicators()), index_bars.head(300)
    seen, watching = [], False

    def watch(event, arguments):
        if watching and event.startswith(EVENTS):
            seen.append((event, arguments))

    first = compute_indicators(bars, one_window, asked)  # fetches the kernels
    sys.addaudithook(watch)  # there is no way to take it away again
    watching = True
    again = compute_indicators(bars, one_window, asked)
    watching = False
    assert seen == []
    assert again.equals(first, null_equal=True)

"""When a compiled kernel is fetched from disk, when it is compiled again, and what a broken cache costs."""

import importlib
import sys
import threading
import types

import numba
import pytest
from numba.core import caching as numbas

from tradepipe.compiling import caching, stamps
from tradepipe.compiling.stamps import meaning_of, stamp_of

pytestmark = pytest.mark.slow

HELPER = """
from tradepipe.compiling import compiled

@compiled
def double(x):
    return 2 * x
"""
KERNEL = """
from made_helper import double
from made_numbers import OFFSET
from tradepipe.compiling import compiled

@compiled
def run(x):
    return double(x) + OFFSET
"""


class Room:
    """Three modules: a kernel, the kernel it calls, and a constant it takes from elsewhere."""

    def __init__(self, folder):
        self.folder = folder
        self.write(made_helper=HELPER, made_kernel=KERNEL, made_numbers="OFFSET = 1\nOTHER = 1\n")

    def write(self, **texts):
        for name, text in texts.items():
            (self.folder / f"{name}.py").write_text(text)

    def kernel(self):
        """As a new process would have it."""
        for name in ("made_kernel", "made_helper", "made_numbers"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        stamps._digest_of.cache_clear()
        stamps._functions_in.cache_clear()
        return importlib.import_module("made_kernel").run

    def call(self):
        """Result, and whether the cache had the code."""
        run = self.kernel()
        return run(10), sum(run.dispatcher.stats.cache_hits.values())


@pytest.fixture
def room(tmp_path, monkeypatch):
    modules = tmp_path / "modules"
    modules.mkdir()
    monkeypatch.syspath_prepend(modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    return Room(modules)


def test_the_next_process_finds_it(room):
    assert room.call() == (21, 0)
    assert room.call() == (21, 1)


@pytest.mark.parametrize(
    ("edit", "result"),
    [
        ({"made_kernel": KERNEL.replace("+ OFFSET", "- OFFSET")}, 19),
        ({"made_helper": HELPER.replace("2 * x", "3 * x")}, 31),
        ({"made_numbers": "OFFSET = 5\n"}, 25),
    ],
)
def test_an_edit_of_all_it_is_made_of_compiles_it_again(room, edit, result):
    assert room.call() == (21, 0)
    room.write(**edit)
    assert room.call() == (result, 0)
    assert room.call() == (result, 1)


def test_an_edit_of_what_it_does_not_use_does_not(room):
    assert room.call() == (21, 0)
    room.write(made_numbers="OFFSET = 1\nOTHER = 2\n")
    assert room.call() == (21, 1)


def test_kernels_reached_through_a_module_and_through_others_count(room):
    room.write(
        made_kernel=KERNEL.replace("from made_helper import double", "from made_middle import twice as double"),
        made_middle=HELPER.replace("2 * x", "double(x)").replace("def double", "def twice")
        + "\nfrom made_helper import double\n",
    )
    before = stamp_of(room.kernel())
    room.write(made_helper=HELPER.replace("2 * x", "x + x"))
    sys.modules.pop("made_middle")
    assert stamp_of(room.kernel()) != before

    module = types.ModuleType("tradepipe.made")
    module.double = room.kernel().function.__globals__["double"]
    module.__loader__ = object()  # its address is another in each process: no cache would ever be hit
    asked = types.FunctionType((lambda x: made.double(x)).__code__, {"made": module})  # noqa: F821, PLW0108
    names = {name for name, _ in stamps._globals_of(asked)}
    assert names == {"made", "double"}


def test_an_array_counts_to_the_last_digit(room):
    arrays = "import numpy as np\nOFFSET = np.array([1.0, 1.0])\n"
    room.write(made_kernel=KERNEL.replace("+ OFFSET", "+ OFFSET[1]"), made_numbers=arrays)
    assert room.call() == (21, 0)
    room.write(made_numbers=arrays.replace("1.0]", "1.0000000009313225746154785]"))
    assert room.call() == (21 + 2**-30, 0)


@pytest.mark.parametrize(
    ("edit", "same"),
    [
        ({"made_helper": HELPER.replace("2 * x", "2*x  # twice")}, True),
        ({"made_helper": HELPER.replace("(x):", '(x: int):\n    """Twice."""')}, True),
        ({"made_numbers": "OFFSET = 1\nOTHER = 2\n"}, True),
        ({"made_helper": HELPER.replace("2 * x", "x * 2")}, False),
        ({"made_kernel": KERNEL.replace("+ OFFSET", "- OFFSET")}, False),
        ({"made_numbers": "OFFSET = 2\n"}, False),
    ],
)
def test_the_meaning_of_a_kernel_is_what_it_does(room, edit, same):
    before = meaning_of(room.kernel())
    assert meaning_of(room.kernel()) == before
    room.write(**edit)
    assert (meaning_of(room.kernel()) == before) is same


def test_without_the_folder_asked_for_it_is_kept_beside_the_module(room, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert [room.call(), room.call()] == [(21, 0), (21, 1)]
    assert list((room.folder / "__pycache__").glob("*.nbc"))


def test_where_the_package_may_not_be_written_it_is_kept_for_the_user(room, tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    (room.folder / "__pycache__").touch()  # a file, so that no folder can be made
    assert [room.call(), room.call()] == [(21, 0), (21, 1)]
    assert list((tmp_path / "user").rglob("*.nbc"))


def test_what_was_compiled_at_install_is_read_by_a_user_who_may_not_write_there(room, tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    assert room.call() == (21, 0)

    def refuse(_):
        raise PermissionError

    monkeypatch.setattr(numbas.InTreeCacheLocator, "ensure_cache_path", refuse)
    assert room.call() == (21, 1)
    assert not list((tmp_path / "user").rglob("*.nbc"))
    room.write(made_helper=HELPER.replace("2 * x", "4 * x"))
    assert [room.call(), room.call()] == [(41, 0), (41, 1)]
    assert list((tmp_path / "user").rglob("*.nbc"))


def test_with_no_folder_at_all_it_runs_all_the_same(room, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "user"))
    (room.folder / "__pycache__").touch()
    assert [room.call(), room.call()] == [(21, 0), (21, 0)]


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"", b"\x80\x04\x95", b"no pickle at all"])
def test_a_damaged_file_is_compiled_over(room, tmp_path, kind, damage):
    assert room.call() == (21, 0)
    for file in (tmp_path / "cache").rglob(f"*.{kind}"):
        file.write_bytes(damage)
    assert room.call() == (21, 0)
    assert room.call() == (21, 1)


def test_a_folder_that_goes_away_costs_nothing_but_time(room, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching._KernelFile, "_save_data", refuse)
    assert [room.call(), room.call()] == [(21, 0), (21, 0)]


def test_another_numba_compiles_anew(room, monkeypatch):
    assert room.call() == (21, 0)
    with monkeypatch.context() as newer:
        newer.setattr(numba, "__version__", "99.0")
        assert [room.call(), room.call()] == [(21, 0), (21, 1)]
    with monkeypatch.context() as newer:
        newer.setattr(stamps.importlib.metadata, "version", lambda _: "99.0")
        assert [room.call(), room.call()] == [(21, 0), (21, 1)]


def test_an_index_never_names_code_that_is_not_there(room, tmp_path):
    """Two processes at once: what the first has half written must not be taken by the second."""
    seen = []
    save = caching._KernelFile._save_index

    def watched(self, overloads):
        seen.extend((tmp_path / "cache").rglob(name) for name in overloads.values())
        seen[-1] = list(seen[-1])
        save(self, overloads)

    caching._KernelFile._save_index = watched
    try:
        room.call()
    finally:
        del caching._KernelFile._save_index
    assert len(seen) == 2
    assert all(seen)


def test_many_at_once_all_get_it_right(room):
    """Threads have a cache object each, as processes do; numba's lock lets only their files meet."""
    kernels = [room.kernel() for _ in range(6)]
    found = []
    threads = [threading.Thread(target=lambda run=run: found.append(run(10))) for run in kernels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [21] * 6
    assert room.call() == (21, 1)

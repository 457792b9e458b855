"""Kernels are compiled once, here or in other processes, and what cannot be compiled is said."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compiling import kernels
from tradepipe.compiling import building
from tradepipe.compiling.building import CompileError, Job, build, lacking

JOBS = [Job("double", kernels.double, "float64"), Job("half", kernels.half, "float64")]
ROOT = Path(__file__).parents[2]

BUILD = """
from tests.compiling.test_building import JOBS, building
from tests.compiling import kernels
if __name__ == "__main__":
    building.WORTH_A_PROCESS = {worth}
    done = building.build(JOBS)
    print(done.compiled, done.cached, done.kept, sum(kernels.half.dispatcher.stats.cache_misses.values()))
"""


def run_python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        cwd=ROOT,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("worth", "misses"), [(10**9, 1), (0, 0)], ids=["here", "in processes"])
def test_a_cold_cache_is_filled_and_serves_the_next_process(tmp_path, worth, misses):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert run_python(BUILD.format(worth=worth), **cache).strip() == f"('double', 'half') 0 True {misses}"
    assert run_python(BUILD.format(worth=worth), **cache).strip() == "() 2 True 0"


def test_a_kernel_goes_to_other_processes_by_name():
    assert pickle.loads(pickle.dumps(kernels.half)) is kernels.half  # noqa: S301 - our own bytes


def test_what_does_not_compile_is_named_and_the_others_are_compiled(monkeypatch):
    kept = set()
    monkeypatch.setattr(building, "lacking", lambda jobs: [job for job in jobs if job.name not in kept])
    monkeypatch.setattr(type(kernels.half), "prepare", lambda kernel, _: kept.add(kernel.function.__name__))
    assert build(JOBS, processes=1).compiled == ("double", "half")
    assert build(JOBS, processes=1).compiled == ()
    monkeypatch.undo()
    bad = Job("impossible", kernels.impossible, "float64")
    with pytest.raises(CompileError, match=r"^the kernel of impossible does not compile: .*no_such_attribute"):
        build([bad, *JOBS], processes=1)
    assert lacking([bad, *JOBS]) == [bad]
    with pytest.raises(CompileError, match=r"^the kernel of half does not compile: Signature mismatch"):
        build([Job("half", kernels.half, "float64, float64")], processes=1)


def test_a_folder_that_may_not_be_written_keeps_nothing(monkeypatch):
    monkeypatch.setattr(type(kernels.half), "is_cached", lambda *_: False)
    assert not build(JOBS, processes=1).kept


@pytest.mark.slow
def test_numba_may_be_told_not_to_compile():
    code = BUILD.format(worth=0)
    said = run_python(code, NUMBA_DISABLE_JIT="1").splitlines()[-1]
    assert said.endswith("NUMBA_DISABLE_JIT is set, so numba compiles nothing. Remedy: unset it")

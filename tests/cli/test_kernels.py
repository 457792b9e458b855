"""What `tradepipe compile` and the doctor say of the kernels."""

import io

from rich.console import Console

from tradepipe.commands import kernels
from tradepipe.compiling.building import Built


def said(monkeypatch, built):
    console = Console(file=io.StringIO(), width=120)
    monkeypatch.setattr(kernels, "build", lambda *_: built)
    kernels.show_build(console, 2)
    return console.file.getvalue()


def test_what_was_built_is_said(monkeypatch):
    one = said(monkeypatch, Built(("a",), 60, kept=True, seconds=1.24))
    assert one == "1 kernel compiled, 60 cached (1.2 s).\n"
    lost = said(monkeypatch, Built((), 61, kept=False, seconds=1.0))
    assert "not kept: no cache folder may be written" in lost


def test_names_of_kernels_are_unique_over_all_rooms():
    names = [job.name for job in kernels.all_jobs()]
    assert len(names) == len(set(names)) > 60


def test_doctor_says_which_kernels_a_run_would_wait_for(monkeypatch):
    jobs = kernels.all_jobs()
    monkeypatch.setattr(kernels, "lacking", lambda _: [])
    assert kernels.kernels_kept() == f"{len(jobs)} compiled"
    monkeypatch.setattr(kernels, "lacking", lambda jobs: jobs[:4])
    names = ", ".join(job.name for job in jobs[:3])
    told = f"{len(jobs) - 4} of {len(jobs)} compiled; the first run will wait for {names}, …. Remedy: tradepipe compile"
    assert kernels.kernels_kept() == told

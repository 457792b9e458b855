"""A command that tests fork is killed if it hangs, and the next one runs."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_a_command_that_hangs_is_killed_and_the_next_one_runs(forked, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "bars.csv")  # nobody ever writes to it
    assert forked("--help", environment=os.environ, cwd=tmp_path).returncode == 0
    with monkeypatch.context() as patch:
        patch.setattr(forked, "patience", 1.0)
        with pytest.raises(TimeoutError, match="warmup"):
            forked("indicators", "warmup", "--bars", "bars.csv", environment=os.environ, cwd=tmp_path)
    assert forked("--help", environment=os.environ, cwd=tmp_path).returncode == 0
    assert [one for one in Path("/proc").glob("[0-9]*/cwd") if points_to(one, tmp_path)] == []


def points_to(link, folder):
    try:
        return link.readlink() == folder
    except OSError:
        return False  # it has ended

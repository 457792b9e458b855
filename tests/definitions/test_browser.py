"""The UI as a person sees it, in a real headless browser: lineage page, asset page, checks."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.projects import MARKET, SmallProject

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed: deploy/system-packages.sh"),
]

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,2400",
    "--virtual-time-budget=20000",
    "--dump-dom",
]
START_TIMEOUT = 120.0


@pytest.fixture(scope="module")
def ui(ready: SmallProject, tmp_path_factory):
    """Address of a Dagster web server over a project whose last month was run on its own instance."""
    home = tmp_path_factory.mktemp("ui") / "home"
    shutil.copytree(ready.home, home)
    small = SmallProject.at(home)
    environment = {**small.environment, "DAGSTER_HOME": str(home / "dagster")}
    programs = Path(sys.executable).parent
    code = (
        "from tradepipe.commands.project import Project\n"
        "project = Project.load()\n"
        "from tradepipe.chain import research\n"
        "market = project.market('us_indices')\n"
        "done = project.runner.materialise(market, research(market), '2018-11', '2018-12')\n"
        "assert done.success, done.error\n"
    )
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(programs / "dagster-webserver"), "-m", "tradepipe.definitions", "-h", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        command, env=environment, cwd=home, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=2):
                break
        except OSError:
            time.sleep(0.5)
    yield address
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(30)


def dom(address: str, profile: Path) -> str:
    done = subprocess.run(
        ["chromium", *FLAGS, f"--user-data-dir={profile}", address],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    return done.stdout


def test_the_lineage_page_shows_the_chain_by_layer(ui, tmp_path):
    page = dom(f"{ui}/asset-groups", tmp_path)
    for layer in ("raw_bars", "bars", "indicators", "forecasts", "signals", "orders", "fills", "positions"):
        assert f">{layer}<" in page


def test_an_asset_page_shows_columns_with_units_rows_owner_and_a_plot(ui, tmp_path):
    page = dom(f"{ui}/assets/{MARKET}/forecasts", tmp_path)
    for shown in (
        "price_lower_95",
        "[price currency]",
        "in (0, inf)",
        "dagster/partition_row_count",
        "[Show Markdown]",
        "polars",
        "tradepipe",
        "2018-12",
    ):
        assert shown in page


def test_the_checks_tab_shows_the_blocking_contract_and_its_verdict(ui, tmp_path):
    page = dom(f"{ui}/assets/{MARKET}/bars?view=checks", tmp_path)
    for shown in ("contract", "nothing_refused", "blocking", "Passed"):
        assert shown in page


def test_the_automation_page_shows_schedule_and_sensors(ui, tmp_path):
    page = dom(f"{ui}/automation", tmp_path)
    for shown in (f"{MARKET}_after_close", f"{MARKET}_signals_sensor", f"{MARKET}_automation"):
        assert shown in page

"""What tests' own servers leave behind."""

import subprocess
import sys
import time

from tests.servers import _KILLED_THEN

PATIENCE = 30.0  # seconds
STARTER = f"""
import os, signal, subprocess, sys
subprocess.Popen(["/bin/sh", "-c", {_KILLED_THEN!r}, sys.argv[1], "sleep", "60"], stdin=subprocess.PIPE)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_folder_of_a_server_goes_with_it_when_its_session_is_killed(tmp_path):
    folder = tmp_path / "with a space"
    (folder / "data").mkdir(parents=True)
    subprocess.run([sys.executable, "-c", STARTER, str(folder)], check=False)
    deadline = time.monotonic() + PATIENCE
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []

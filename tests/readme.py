"""Run the commands of the README's `sh` blocks, as a newcomer would, but those that CI runs anyway.

`python -m tests.readme`

A line ending in `# keeps running` is started, waited for until it prints its address and the
address answers, and stopped. `ORDER` stands for a filled order of the demo.
"""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
KEEPS_RUNNING = "# keeps running"
START_TIMEOUT = 120.0
# CI runs these as steps, the last two within `make check`.
BY_THEMSELVES = {
    *(f"make {target}" for target in ("test", "test-fast", "bench", "demo", "check")),
    *(".venv/bin/dg check defs", ".venv/bin/dagster definitions validate"),
}


def commands(text: str) -> list[str]:
    """Lines of the `sh` blocks, without comments of their own and without cloning."""
    lines = [line.strip() for block in BLOCK.findall(text) for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "git clone", "cd "))]


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"}


def an_order() -> str:
    code = (
        "from tradepipe.commands.project import Project\n"
        "orders = Project.load().store.read('us_indices/orders')\n"
        "print(orders.filter(orders['state'] == 'FILLED')['client_order_id'][-1])\n"
    )
    python = ROOT / ".venv" / "bin" / "python"
    return subprocess.run(
        [python, "-c", code], env=environment(), check=True, capture_output=True, text=True
    ).stdout.strip()


def keeps_running(command: str) -> bool:
    """Start `command`, wait until the UI answers, stop it."""
    started = subprocess.Popen(command, shell=True, cwd=ROOT, env=environment(), start_new_session=True)
    deadline = time.monotonic() + START_TIMEOUT
    try:
        while time.monotonic() < deadline and started.poll() is None:
            try:
                with urllib.request.urlopen("http://127.0.0.1:3000/server_info", timeout=2) as answer:
                    return bool(answer.status == 200)
            except OSError:
                time.sleep(1)
        return False
    finally:
        os.killpg(started.pid, signal.SIGINT)
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)


def runs(command: str) -> bool:
    if command.endswith(KEEPS_RUNNING):
        return keeps_running(command)
    if "ORDER" in command:
        command = command.replace("ORDER", an_order())
    return subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment(), check=False).returncode == 0


def main() -> None:
    passed = failed = 0
    for command in commands((ROOT / "README.md").read_text()):
        if command.split("#")[0].strip() in BY_THEMSELVES:
            continue
        print(f"\n$ {command}", flush=True)
        if runs(command):
            passed += 1
        else:
            failed += 1
            print(f"FAILED: {command}", flush=True)
    print(f"\nREADME: {passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

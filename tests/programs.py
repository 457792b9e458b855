"""The command in processes of its own that need not import: one warmed process forks another for each.

To start Python and import what a command needs costs two CPU seconds, most of what a test of the command line takes.
The process that is forked has its own environment, directory and files, as any other. That the installed program
starts, and what it imports, are tests of their own.

Run as a program it serves: a line of JSON for each command on stdin, its exit code on stdout.
"""

import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]


class Tradepipe:
    """Runs `tradepipe` commands, each in a process forked from one that has everything imported."""

    patience = 300.0  # seconds for a command

    def __init__(self) -> None:
        self._server = _started()

    def __call__(self, *arguments: str, environment: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """What the command said. One that takes longer than the patience is killed, and TimeoutError raised."""
        with TemporaryDirectory() as folder:
            told = {"stdout": f"{folder}/stdout", "stderr": f"{folder}/stderr", "cwd": str(cwd)}
            told |= {"arguments": arguments, "environment": dict(environment)}
            print(json.dumps(told), file=self._server.stdin, flush=True)
            if not select.select([self._server.stdout], [], [], self.patience)[0]:
                os.killpg(self._server.pid, signal.SIGKILL)  # the command too, which nobody else would end
                self.close()
                self._server = _started()
                raise TimeoutError(f"tradepipe {' '.join(arguments)}")
            code = int(self._server.stdout.readline())
            said = (Path(told[name]).read_text() for name in ("stdout", "stderr"))
            return subprocess.CompletedProcess(arguments, code, *said)

    def close(self) -> None:
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait()


def _started() -> subprocess.Popen[str]:
    command, pipe = [sys.executable, "-m", "tests.programs"], subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, start_new_session=True)


# Not tradepipe.definitions, which reads the settings: they are each command's own.
IMPORTED = (
    *("assets", "resources", "sensors", "exchange_calendars", "tradepipe.cli", "tradepipe.chain.lineage"),
    *(f"tradepipe.commands.{name}" for name in ("doctor", "models", "project", "run", "status", "why")),
)


def _serve() -> None:
    """Answer commands until stdin ends; returns in the process of each command, which is to run it."""
    while line := sys.stdin.readline():
        if not (child := os.fork()):
            _become(json.loads(line))
            return
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
    sys.exit()


def _become(told: dict) -> None:
    for number, name in enumerate((os.devnull, told["stdout"], told["stderr"])):
        opened = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["cwd"])
    sys.argv = ["tradepipe", *told["arguments"]]


if __name__ == "__main__":
    for module in IMPORTED:
        importlib.import_module(module)
    _serve()
    from tradepipe.cli import main

    main()

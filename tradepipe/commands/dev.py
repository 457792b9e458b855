"""`tradepipe dev`: the Dagster UI and daemon on this project's data."""

import os
import sys
from pathlib import Path

from rich.console import Console

from tradepipe.commands.project import Project


def start(project: Project, console: Console, host: str, port: int) -> None:
    """Replace this process by `dagster dev`, with DAGSTER_HOME prepared."""
    from tradepipe.definitions import prepare_dagster_home  # noqa: PLC0415 - two CPU seconds

    home = prepare_dagster_home(project.settings.home)
    console.print(f"Dagster UI on http://{host}:{port}, DAGSTER_HOME={home}, stop with Ctrl-C")
    dagster = Path(sys.executable).parent / "dagster"
    command = [str(dagster), "dev", "-m", "tradepipe.definitions", "-h", host, "-p", str(port)]
    os.execv(command[0], command)  # noqa: S606 - our own environment's program, no shell

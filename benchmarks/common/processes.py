"""Measuring in a process of its own, so that no import, cache or peak of another measurement counts."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

_CHILD = """
import importlib, json
print(json.dumps(getattr(importlib.import_module({module!r}), {entry!r})()))
"""


def in_a_process(module: str, entry: str, environment: Mapping[str, str]) -> dict[str, float]:
    """What the function `entry` of `module` returns in a new process with `environment` on top.

    Raises:
        SystemExit: with what the process said, when it failed.
    """
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", _CHILD.format(module=module, entry=entry)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found

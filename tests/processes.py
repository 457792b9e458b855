"""Processes of tests that die or race: forked from a server that has imported what they need.

Importing it took each of them most of its time. The server knows neither what a test has set in the environment
nor anything it has patched: what a process is to know are its arguments.
"""

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["pytest", "alembic.command", "tradepipe.datasets", "tests.store.workers", "tests.execution.crash_child"]
)

"""Fixtures that every test may ask for."""

import os
import sys

from hypothesis import settings

from tests.memory import use_memory
from tests.projects import delivered, fresh, project, ready
from tests.servers import postgres_server, postgres_url, s3_bucket, s3_server, valkey_address, valkey_server

# Tests start processes by the hundred: one that compiles its imports anew takes twice the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A busy machine is slow, not wrong: no test fails for the time it takes.
settings.register_profile("tradepipe", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=15)  # for `make test-fast`
settings.load_profile("tradepipe")


def pytest_configure() -> None:
    """Before anything asks for a temporary folder; workers of xdist get theirs from the first process."""
    use_memory()


__all__ = [
    "delivered",
    "fresh",
    "postgres_server",
    "postgres_url",
    "project",
    "ready",
    "s3_bucket",
    "s3_server",
    "valkey_address",
    "valkey_server",
]

"""Temporary files of tests in memory: a commit that waits for a disk tells nothing that a kill -9 would not."""

import os
import tempfile
from pathlib import Path

DISK = "TESTS_ON_DISK"
MEMORY = Path("/dev/shm")  # noqa: S108 - open to all like /tmp, and used as it is
ENOUGH = 4 << 30  # bytes; what a whole run leaves there at once is a tenth of it


def use_memory() -> None:
    """Let this process and those it starts put temporary files in memory, where there is room and programs may run.

    A third of the time of tests that write was waiting for fsync. Power cuts are not tried by them anyway; that
    what must be on the disk is synced is asserted by watching the calls. TMPDIR, where set, is obeyed.
    """
    if "TMPDIR" in os.environ or not _usable():
        return
    os.environ[DISK] = tempfile.gettempdir()
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # what was found before


def folder_on_disk() -> Path:
    """A new temporary folder for what is too large for memory; its maker removes it."""
    return Path(tempfile.mkdtemp(prefix="large-", dir=os.environ.get(DISK)))


def _usable() -> bool:
    try:
        found = os.statvfs(MEMORY)
        told = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    available = next((int(line.split()[1]) << 10 for line in told if line.startswith("MemAvailable:")), 0)
    room = min(found.f_bavail * found.f_frsize, available)
    # Servers and programs of tests run from temporary folders.
    return room >= ENOUGH and not found.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK | os.X_OK)

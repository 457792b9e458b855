"""What other processes do in the store's tests. Imports stay few: each process pays for them."""

import datetime as dt
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.processes import PROCESSES
from tests.store.samples import DATASET, SMALL, small
from tradepipe.store import PartitionStore, migrate, open_engine
from tradepipe.store.store import MIGRATIONS, VERSION_TABLE

GRACE = dt.timedelta(hours=1)


def run_all(target: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> list[int | None]:
    """Run `target` in one process for each tuple of arguments, all at once; their exit codes."""
    processes = [PROCESSES.Process(target=target, args=one, daemon=True) for one in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def migrate_at_the_barrier(url: str, barrier: Any) -> None:
    """Wait for the others, then migrate."""
    engine = open_engine(url, durable=True)
    barrier.wait()
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)


def publish_many(root: Path, url: str, barrier: Any, first: int, times: int) -> None:
    """Publish ever other rows to one partition."""
    with PartitionStore.open(root, url, GRACE) as store:
        barrier.wait()
        for value in range(first, first + times):
            frames = {"2024-01": small(value=float(value))}
            store.publish(DATASET, frames, SMALL, code_version="1", inputs={})


def publish_and_die(root: Path, url: str, step: str, value: float, partitions: Sequence[str]) -> None:
    """Publish, and be killed as by kill -9 right after `step`; the second time, where it is a file's."""
    times = 2 if step in ("written", "renamed") else 1
    seen = []

    def die(reached: str) -> None:
        seen.append(reached)
        if seen.count(step) == times:
            os.kill(os.getpid(), signal.SIGKILL)

    with PartitionStore.open(root, url, GRACE, checkpoint=die) as store:
        frames = {key: small(value=value) for key in partitions}
        store.publish(DATASET, frames, SMALL, code_version="1", inputs={})


def replace_while_read(
    root: Path, url: str, times: int, reads: Any, reads_in_all: int, partitions: Sequence[str]
) -> None:
    """Replace all partitions `times` times, spread evenly over the others' reads, and remove what was replaced.

    At once: a file may go that a reader is about to open, which then asks the catalogue again.
    """
    with PartitionStore.open(root, url, dt.timedelta(0)) as store:
        for turn in range(1, times + 1):
            while reads.value < reads_in_all * (turn - 1) // times:
                time.sleep(0.001)
            frames = {key: small(rows=100, value=float(turn)) for key in partitions}
            store.publish(DATASET, frames, SMALL, code_version="1", inputs={})
            store.sweep(dt.datetime.now(dt.UTC))


def read_while_replaced(root: Path, url: str, times: int, reads: Any, partitions: Sequence[str]) -> None:
    """Read `times` times; every read must be one whole generation of all partitions, never an older one."""
    newest = 0.0
    with PartitionStore.open(root, url, GRACE) as store:
        for _ in range(times):
            frame = store.read(DATASET, columns=["value"])
            values = frame["value"].unique().to_list()
            assert frame.height == 200 * len(partitions), frame.height
            assert len(values) == 1, values
            assert values[0] >= newest, (values[0], newest)
            newest = values[0]
            with reads.get_lock():
                reads.value += 1


def compact_and_die(root: Path, url: str, step: str, now: dt.datetime) -> None:
    """Compact what is due at `now`, and be killed as by kill -9 right after `step`."""
    from tradepipe.store.compaction import compact, plan

    def die(reached: str) -> None:
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with PartitionStore.open(root, url, GRACE) as store:
        months = plan(store, now, dt.timedelta(days=2))
        compact(store, months, clock=lambda: dt.datetime.now(dt.UTC), checkpoint=die)


def cool_and_die(
    root: Path,
    url: str,
    cold: str,
    endpoint: str | None,
    step: str,
    now: dt.datetime,
    environment: Mapping[str, str],
) -> None:
    """Move what is old at `now` to the cold tier, and be killed as by kill -9 right after `step` of the first file."""
    from tradepipe.store import ColdTier
    from tradepipe.store.tiers import cool, plan

    os.environ.update(environment)  # the server that forked us began before the test set it

    def die(reached: str) -> None:
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with PartitionStore.open(root, url, GRACE, cold=ColdTier(cold, endpoint)) as store:
        cool(store, plan(store, now, dt.timedelta(days=90)), clock=lambda: dt.datetime.now(dt.UTC), checkpoint=die)

"""How far work has come, told to whoever listens.

A function deep inside a Dagster run does not know whether a person is watching. It calls `report`;
a caller that shows progress puts `listening(listener)` around the whole run. The listener belongs
to the context (PEP 567), so concurrent runs in other threads or tasks do not see each other's
reports. A thread that should report to its starter's listener is started with
`contextvars.copy_context().run`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Progress = Callable[[str, int, int], None]
"""Takes a stage's name, how many of its partitions are done, and how many there are."""

_LISTENER: ContextVar[Progress | None] = ContextVar("tradepipe_progress_listener", default=None)


def report(stage: str, done: int, total: int) -> None:
    """Tell the listener, if there is one, that `done` of `total` partitions of `stage` are done.

    Report `(stage, 0, total)` before the first partition, so that its time counts too, and
    `(stage, 0, 0)` when the stage has nothing to do.
    """
    listener = _LISTENER.get()
    if listener is not None:
        listener(stage, done, total)


@contextmanager
def listening(listener: Progress) -> Iterator[None]:
    """Send what is reported inside the block to `listener`; the outer listener returns afterwards."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)

"""Named points between two effects, where a crash test may end the process."""

from collections.abc import Callable

Checkpoint = Callable[[str], None]
"""Called with the point's name."""


def pass_by(point: str) -> None:
    """Do nothing at `point`: what production does at every one."""
    del point

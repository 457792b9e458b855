"""What is known of each stage of a run while it goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

OVERALL = "all stages"

Clock = Callable[[], float]
"""Seconds since some fixed moment, never going back."""


@dataclass
class Stage:
    """What was last heard of a stage; times are the clock's seconds."""

    name: str
    done: int = 0
    total: int | None = None  # None: nothing was reported yet
    started: float = 0.0
    ended: float | None = None

    @property
    def finished(self) -> bool:
        return self.total is not None and self.done >= self.total

    def hear(self, done: int, total: int, now: float) -> None:
        """Take a report; a finished stage that gets more to do goes on where its time began."""
        if self.total is None:
            self.started = now
        self.done, self.total = done, total
        self.ended = now if self.finished else None

    def seconds(self, now: float) -> float | None:
        """Seconds from the first report to the last, or to `now`; None when nothing ran."""
        if not self.total:
            return None
        return (now if self.ended is None else self.ended) - self.started


@dataclass
class Stages:
    """All stages of a run, in the order they were announced, then in the order they turned up.

    `over` tells how the run ended: None while it goes on, then whether it ended without an error.
    A stage never heard of in a run that ended well had nothing to do.
    """

    clock: Clock
    known: dict[str, Stage]
    over: bool | None = None
    started: float = field(init=False)

    @classmethod
    def announced(cls, names: Sequence[str], clock: Clock) -> "Stages":
        return cls(clock, {name: Stage(name) for name in names})

    def __post_init__(self) -> None:
        self.started = self.clock()

    def hear(self, name: str, done: int, total: int) -> Stage:
        stage = self.known.setdefault(name, Stage(name))
        stage.hear(done, total, self.clock())
        return stage

    def share(self, stage: Stage) -> float:
        """How much of the stage is done, from 0 to 1."""
        if stage.total is None:
            return 1.0 if self.over else 0.0
        return min(stage.done / stage.total, 1.0) if stage.total else 1.0

    def state(self, stage: Stage) -> str:
        """The stage's state in words."""
        if stage.total is None:
            return {None: "waiting", True: "up to date", False: "not reached"}[self.over]
        if stage.total == 0:
            return "up to date"
        counted = f"{stage.done}/{stage.total} partitions"
        return counted if stage.finished or self.over is None else f"stopped at {counted}"

    def time_of(self, stage: Stage) -> str:
        return clock_face(stage.seconds(self.clock()))

    @property
    def overall_share(self) -> float:
        return sum(self.share(stage) for stage in self.known.values()) / max(len(self.known), 1)

    @property
    def overall_state(self) -> str:
        finished = sum(self.share(stage) >= 1.0 for stage in self.known.values())
        return f"{finished}/{len(self.known)} stages"

    @property
    def overall_time(self) -> str:
        return clock_face(self.clock() - self.started)


def clock_face(seconds: float | None) -> str:
    """Seconds as `h:mm:ss`, cut to whole seconds; a dash for None."""
    if seconds is None:
        return "-"
    whole = max(int(seconds), 0)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"

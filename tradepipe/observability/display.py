"""Progress on the console: bars on a terminal, a line a finished stage anywhere else."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from tradepipe.observability.progress import Progress, listening
from tradepipe.observability.stages import OVERALL, Clock, Stage, Stages

if TYPE_CHECKING:
    from rich.console import Console


class _View(Protocol):
    def show(self, stage: Stage) -> None: ...
    def close(self) -> None: ...


class _Lines:
    """For pipes, files and dumb terminals: a line when a stage is finished, one for the whole at the end."""

    def __init__(self, console: "Console", stages: Stages) -> None:
        self._console, self._stages = console, stages

    def show(self, stage: Stage) -> None:
        if stage.finished:
            self._print(stage.name, self._stages.state(stage), self._stages.time_of(stage))

    def close(self) -> None:
        for stage in self._stages.known.values():
            if not stage.finished:
                self._print(stage.name, self._stages.state(stage), self._stages.time_of(stage))
        self._print(OVERALL, self._stages.overall_state, self._stages.overall_time)

    def _print(self, name: str, state: str, elapsed: str) -> None:
        width = max(len(text) for text in (*self._stages.known, OVERALL))
        self._console.print(
            f"{name:<{width}}  {state:<28}  {elapsed:>8}", markup=False, highlight=False, soft_wrap=True
        )


@contextmanager
def progress_display(console: "Console", stages: Sequence[str], *, clock: Clock = time.monotonic) -> Iterator[Progress]:
    """Show what is reported inside the block: per stage partitions done of total, a bar, and time; and the whole.

    The block's reports (`tradepipe.observability.progress.report`) arrive by themselves; what the
    context manager yields takes reports directly, for callers that pass a `Progress` on. A stage
    that reports a total of 0, or nothing in a run that ends well, is shown as "up to date". An
    exception passes through, after the stages it stopped are marked so.

    Args:
        console: where to draw. A terminal gets bars redrawn in place; anything else gets one line
            for each stage as it finishes.
        stages: names of the stages in the order they run; others are added as they turn up.
        clock: seconds, for the elapsed time.
    """
    state = Stages.announced(stages, clock)
    view = _view(console, state)

    def hear(stage: str, done: int, total: int) -> None:
        view.show(state.hear(stage, done, total))

    try:
        with listening(hear):
            yield hear
        state.over = True
    except BaseException:
        state.over = False
        raise
    finally:
        view.close()


def _view(console: "Console", stages: Stages) -> _View:
    if console.is_terminal and not console.is_dumb_terminal:
        from tradepipe.observability.terminal import Bars  # noqa: PLC0415 - rich.progress, only where bars are drawn

        return Bars(console, stages)
    return _Lines(console, stages)

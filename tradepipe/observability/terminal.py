"""Bars for a terminal. This module imports rich: `tradepipe.observability.display` imports it when needed."""

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from tradepipe.observability.stages import OVERALL, Stage, Stages

_REFRESHES_PER_SECOND = 4  # the work needs the processor more than the bar does
_WIDTH = 32


class _Time(ProgressColumn):
    """Time since a stage's first report; rich's own column cannot go on after a stage was once finished."""

    def __init__(self, stages: Stages) -> None:
        super().__init__()
        self._stages = stages

    def render(self, task: Task) -> Text:
        stage: Stage | None = task.fields["stage"]
        return Text(self._stages.overall_time if stage is None else self._stages.time_of(stage), justify="right")


class Bars:
    """A bar a stage and one for the whole, redrawn in place."""

    def __init__(self, console: Console, stages: Stages) -> None:
        self._stages = stages
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=_WIDTH),
            TextColumn("{task.fields[state]}", markup=False),
            _Time(stages),
            console=console,
            refresh_per_second=_REFRESHES_PER_SECOND,
        )
        self._tasks = {name: self._add(name, stage) for name, stage in stages.known.items()}
        self._overall = self._add(OVERALL, None)
        self._draw_overall()
        self._progress.start()

    def show(self, stage: Stage) -> None:
        if stage.name not in self._tasks:
            self._progress.remove_task(self._overall)  # the overall line stays last
            self._tasks[stage.name] = self._add(stage.name, stage)
            self._overall = self._add(OVERALL, None)
        self._draw(stage)
        self._draw_overall()

    def close(self) -> None:
        for stage in self._stages.known.values():
            self._draw(stage)
        self._draw_overall()
        self._progress.stop()

    def _add(self, name: str, stage: Stage | None) -> TaskID:
        return self._progress.add_task(name, total=1.0, state="waiting", stage=stage)

    def _draw(self, stage: Stage) -> None:
        share, state = self._stages.share(stage), self._stages.state(stage)
        self._progress.update(self._tasks[stage.name], completed=share, state=state)

    def _draw_overall(self) -> None:
        share, state = self._stages.overall_share, self._stages.overall_state
        self._progress.update(self._overall, completed=share, state=state)

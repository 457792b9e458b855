import io
import re

import pytest
from rich.console import Console

from tradepipe.observability.display import progress_display
from tradepipe.observability.progress import report
from tradepipe.observability.stages import clock_face


class Clock:
    """A clock that goes on only when told."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def tick(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def lines_of(console):
    return [re.sub(r" +", " ", line).strip() for line in console.file.getvalue().splitlines()]


def plain(width=80):
    return Console(file=io.StringIO(), width=width, force_terminal=False)


def terminal():
    return Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None, _environ={"TERM": "xterm"})


def run_until(console, clock, stages, error):
    with progress_display(console, stages, clock=clock) as told:
        told("raw_bars", 3, 3)
        told("bars", 1, 3)
        raise error


def screen(console):
    """The last state a terminal shows: the text after the last time the cursor went to the top."""
    text = re.sub(r"\x1b\[\?25[lh]", "", console.file.getvalue())
    last = re.split(r"(?:\x1b\[1A\x1b\[2K)+", text)[-1]
    return [re.sub(r"[━╸╺ ]+", " ", line).strip() for line in last.replace("\r", "").splitlines() if line.strip()]


def test_plain_output_gets_one_line_a_finished_stage(clock):
    console = plain()
    with progress_display(console, ["bars", "indicators", "forecasts"], clock=clock):
        report("bars", 0, 2)
        clock.tick(61)
        report("bars", 1, 2)
        report("bars", 2, 2)
        assert lines_of(console) == ["bars 2/2 partitions 0:01:01"]
        report("indicators", 0, 0)
        clock.tick(5)
    assert lines_of(console) == [
        "bars 2/2 partitions 0:01:01",
        "indicators up to date -",
        "forecasts up to date -",
        "all stages 3/3 stages 0:01:06",
    ]
    assert "\x1b" not in console.file.getvalue()


def test_plain_lines_are_not_broken_on_a_narrow_console(clock):
    console = plain(width=20)
    with progress_display(console, ["us_indices/forecast_scores"], clock=clock):
        report("us_indices/forecast_scores", 240, 240)
    assert len(lines_of(console)) == 2


def test_names_are_shown_as_they_are(clock):
    console = plain()
    with progress_display(console, [], clock=clock):
        report("[red]bars[/red]", 1, 1)
    assert lines_of(console)[0].startswith("[red]bars[/red]")


def test_a_failure_passes_through_and_says_how_far_it_came(clock):
    console = plain()
    with pytest.raises(RuntimeError, match="broken"):
        run_until(console, clock, ["raw_bars", "bars", "signals"], RuntimeError("broken"))
    assert lines_of(console) == [
        "raw_bars 3/3 partitions 0:00:00",
        "bars stopped at 1/3 partitions 0:00:00",
        "signals not reached -",
        "all stages 1/3 stages 0:00:00",
    ]


def test_nothing_is_heard_after_the_display_is_closed(clock):
    console = plain()
    with progress_display(console, ["bars"], clock=clock):
        pass
    before = console.file.getvalue()
    report("bars", 1, 1)
    assert console.file.getvalue() == before


def test_a_terminal_shows_every_stage_and_the_whole(clock):
    console = terminal()
    with progress_display(console, ["bars", "indicators", "signals"], clock=clock):
        report("bars", 0, 4)
        clock.tick(2)
        report("bars", 4, 4)
        clock.tick(3)
        report("indicators", 0, 0)
        report("fills", 1, 2)  # nobody announced it
        report("fills", 2, 2)
    assert screen(console) == [
        "bars 4/4 partitions 0:00:02",
        "indicators up to date -",
        "signals up to date -",
        "fills 2/2 partitions 0:00:00",
        "all stages 4/4 stages 0:00:05",
    ]


def test_a_terminal_shows_where_a_failure_stopped(clock):
    console = terminal()
    with pytest.raises(KeyboardInterrupt):
        run_until(console, clock, ["raw_bars", "bars", "signals"], KeyboardInterrupt())
    assert screen(console) == [
        "raw_bars 3/3 partitions 0:00:00",
        "bars stopped at 1/3 partitions 0:00:00",
        "signals not reached -",
        "all stages 1/3 stages 0:00:00",
    ]


def test_a_finished_stage_that_gets_more_to_do_goes_on(clock):
    console = terminal()
    with progress_display(console, ["bars"], clock=clock):
        report("bars", 2, 2)
        clock.tick(10)
        report("bars", 2, 4)
        clock.tick(10)
        report("bars", 4, 4)
        clock.tick(10)
    assert screen(console)[0] == "bars 4/4 partitions 0:00:20"


@pytest.mark.parametrize(
    ("seconds", "face"), [(None, "-"), (0, "0:00:00"), (59.99, "0:00:59"), (3661, "1:01:01"), (-1, "0:00:00")]
)
def test_clock_face(seconds, face):
    assert clock_face(seconds) == face

"""Member forecasts of a market's partitions: refits on schedule and on drift, forecasts from every bar."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from tradepipe.forecasting.frames import goes_by_bar, require_columns
from tradepipe.forecasting.members import BASELINES, RANDOM_WALK, members_of
from tradepipe.forecasting.members.fits import fits_frame
from tradepipe.forecasting.members.frames import Grid, empty_run, member_frame
from tradepipe.forecasting.model import Member
from tradepipe.forecasting.refits.answers import Answers
from tradepipe.forecasting.refits.bars import Bars
from tradepipe.forecasting.refits.cache import FitCache
from tradepipe.forecasting.refits.drift import Watch
from tradepipe.forecasting.refits.fitting import Fitter, MemberFit
from tradepipe.forecasting.refits.keeping import needs_all_symbols
from tradepipe.forecasting.refits.schedule import RefitSchedule
from tradepipe.forecasting.refits.serving import Service
from tradepipe.forecasting.refits.task import FEWEST_RETURNS, Task
from tradepipe.forecasting.sharing import side_by_side
from tradepipe.observability.progress import Progress, report
from tradepipe.observability.spending import Spending
from tradepipe.settings.forecasts import ForecastSettings

STAGE = "member_forecasts"

Paid = Callable[[str], AbstractContextManager[None]]
"""Counts what is done inside as done for the member of that name."""


def _unpaid(_member: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class MemberRun:
    """What members say, and how each was fitted.

    Attributes:
        forecasts: `partition` and the columns of `member_forecasts_contract`, sorted by partition and then by the key.
        fits: `partition` and the columns of FITS, sorted likewise.
    """

    forecasts: pl.DataFrame
    fits: pl.DataFrame


def member_forecasts(  # noqa: PLR0913 - each is a different thing that a market has
    panel: pl.DataFrame,
    windows: pl.DataFrame,
    settings: ForecastSettings,
    *,
    schedule: RefitSchedule,
    grid: pl.DataFrame,
    cache: FitCache | None = None,
    sectors: Mapping[str, str] | None = None,
    threads: int = 1,
    on_progress: Progress = report,
    spending: Spending | None = None,
) -> MemberRun:
    """Forecast from every bar of every partition by every member.

    A partition is computed from its own anchored window alone (decisions 0004 and 0013), so it is the same, bit for
    bit, computed alone or in a range, on any number of threads, and with or without a cache. A refit sees the newest
    `train_bars` returns up to its session's close. With fewer than `min_train_bars` of them, and where a fit or its
    forecast is of no use, the random walk's numbers stand under the member's name, with engine "baseline" and the
    reason; with fewer than 10 returns a symbol has no rows. Between refits new bars are filtered. Where a multivariate
    member would rest on a bar of another symbol that became known later than the origin's, the random walk stands in.
    It does likewise for a symbol that is no member of the universe: a multivariate member is fitted to members alone,
    each with all its bars, so that nobody who joins later shapes what was forecast before.

    Args:
        panel: symbol, session, open_time (UTC), known_at (UTC), close, log_return (from the bar before, null in a
            symbol's first row), and the columns that `settings.exog` names; is_member, whether the symbol was a member
            of the universe on the session, where that changes. Rows without a finite return are left out,
            and so are those whose regressors, one bar old, are not known.
        windows: partition, anchor_session, first_session, last_session; the anchor as far back as the newest refit
            that serves the first session and its training window.
        settings: members, training window, refits, drift and horizon. Horizons count bars.
        schedule: of the refits, with all sessions of the market's calendar.
        grid: session and open_time (UTC) of each bar that the calendar expects, from the first origin to at least
            `settings.horizon` bars beyond the last. Gives target_open_time and target_session.
        cache: where fits are kept.
        sectors: symbol to sector, where multivariate members look for what is common within sectors only.
        threads: how many fit; the numbers are the same.
        on_progress: called with ("member_forecasts", done, total) before the first and after each partition.
        spending: told the CPU seconds of each member, and of its fits.

    Raises:
        ValueError: a column is missing, an origin is not on the grid, or the grid ends too early or has a bar twice.
        ForecastError: a session is not of the schedule.
    """
    require_columns(panel, "panel", ["symbol", "session", "open_time", "known_at", "close", "log_return"])
    require_columns(panel, "panel", settings.exog)
    require_columns(windows, "windows", ["partition", "anchor_session", "first_session", "last_session"])
    rows, aims = usable_rows(panel, settings.exog), Grid.of(grid)
    tasks = tasks_of(rows, windows, settings, schedule, sectors)
    runs = [empty_run(settings.members)]
    workers = max(min(threads, windows.height), 1)
    told = Spending() if spending is None else spending
    paid, counting = (partial(count, alone=threads <= 1) for count in (told.on, told.fitting))
    fitter = Fitter(settings.engine, max(threads // workers, 1), cache, counting)

    def computed(partition: str, task: Task) -> tuple[pl.DataFrame, pl.DataFrame]:
        return PartitionMembers(task, fitter, settings, paid).frames(partition, rows, aims)

    on_progress(STAGE, 0, windows.height)
    # Kernels run without the interpreter's lock: partitions side by side use the cores better than each one's parts.
    with ThreadPoolExecutor(workers, "members") as pool:
        for done, made in enumerate(pool.map(computed, windows["partition"], tasks), start=1):
            runs.append(made)
            on_progress(STAGE, done, windows.height)
    forecasts, fits = (pl.concat(frames) for frames in zip(*runs, strict=True))
    return MemberRun(forecasts, fits)


def usable_rows(panel: pl.DataFrame, exog: tuple[str, ...]) -> pl.DataFrame:
    """Rows that a model can be fitted to, by symbol and open time; `before:` names are regressors a bar old."""
    kept = panel.filter(pl.col("log_return").is_finite(), pl.col("close") > 0)
    kept = kept if goes_by_bar(kept) else kept.sort("symbol", "open_time")
    if not exog:
        return kept
    before = [pl.col(name).shift(1).over("symbol").alias(f"before:{name}") for name in (*exog, "session")]
    known = [pl.col(name).is_finite() & pl.col(f"before:{name}").is_finite() for name in exog]
    return kept.with_columns(pl.col(name).cast(pl.Float64) for name in exog).with_columns(before).filter(known)


def tasks_of(
    rows: pl.DataFrame,
    windows: pl.DataFrame,
    settings: ForecastSettings,
    schedule: RefitSchedule,
    sectors: Mapping[str, str] | None,
) -> list[Task]:
    """What each of `windows` asks for, over `usable_rows`."""
    bars = Bars.of(rows, schedule, settings.exog, sectors)

    def asked(window: Mapping[str, Any]) -> Task:
        anchor, first = (schedule.at_or_after(window[name]) for name in ("anchor_session", "first_session"))
        last = schedule.at_or_after(window["last_session"] + dt.timedelta(days=1)) - 1
        return Task(bars, schedule, anchor, first, last, settings.train_bars)

    return [asked(window) for window in windows.to_dicts()]


class PartitionMembers:
    """The members of one partition, one after another."""

    def __init__(self, task: Task, fitter: Fitter, settings: ForecastSettings, paid: Paid = _unpaid) -> None:
        self.task, self.fitter, self.settings, self.paid = task, fitter, settings, paid
        self.fits: dict[str, list[MemberFit]] = {}

    def frames(self, partition: str, rows: pl.DataFrame, aims: Grid) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Forecasts and fits of the partition called `partition`."""
        answers = self.answers()
        makers = (
            lambda: member_frame(partition, rows, self.task, answers, aims),
            lambda: fits_frame(partition, self.task, self.fits, self.settings),
        )
        forecasts, fits = side_by_side(self.fitter.threads, lambda make: make(), makers)
        return forecasts, fits

    def answers(self) -> dict[str, Answers]:
        """What each member says; the random walk's words where another has none."""
        members = members_of(self.settings)
        self.fits = {member.name: [] for member in members}
        # While one member lays out its rows, another's kernels run.
        made = side_by_side(self.fitter.threads, self._answered, members)
        found = dict(zip(self.fits, made, strict=True))
        walk = found[RANDOM_WALK]
        walk.bounded()
        for member, answers in zip(members, made, strict=True):
            if member.name != RANDOM_WALK:
                answers.withhold_late(self.task.bars.clock[self.task.places])
                if needs_all_symbols(member):
                    answers.left_out(~self.task.bars.members(self.task.places), "no member of the universe")
                answers.stood_in_for(walk, self.task.lengths, self.settings.min_train_bars)
        return found

    def _answered(self, member: Member) -> Answers:
        with self.paid(member.name):
            return self._of(member)

    def fit(self, member: Member) -> None:
        """Make the fits that `answers` asks for, so that they are kept; answer nothing where no answer asks for one."""
        if self._watch(member) is None:
            windows = self.task.windows(self._fewest(member), members=needs_all_symbols(member))
            self.fitter.chain(member, self.task.bars, windows)
        else:
            self._of(member)

    def _fewest(self, member: Member) -> int:
        return FEWEST_RETURNS if member.name in BASELINES else self.settings.min_train_bars

    def _watch(self, member: Member) -> Watch | None:
        # With a refit after each session there is nothing that drift could bring forward.
        adapts = member.name in BASELINES or self.settings.refit == "day"
        return None if adapts else Watch(self.settings.drift, len(self.task.bars.symbols))

    def _of(self, member: Member) -> Answers:
        task, settings, fewest = self.task, self.settings, self._fewest(member)
        answers = Answers.nothing(len(task.places), settings.horizon)
        service = Service(task, member, self.fitter, self._watch(member), fewest, answers)
        made = self.fits[member.name] = []
        at_refits: list[MemberFit] = []
        for fit, first, last in self._served(member, fewest):
            made.append(fit)
            if first == last == fit.window.refit:
                at_refits.append(fit)
            else:
                made += service.serve(fit, first, last)
        service.answer_at_refits(at_refits)
        if member.name in BASELINES and self.settings.refit != "day":
            made += service.serve_others()
        return answers

    def _served(self, member: Member, fewest: int) -> Iterator[tuple[MemberFit, int, int]]:
        """Each fit of the chain, with the sessions that it serves."""
        windows = self.task.windows(fewest, members=needs_all_symbols(member))
        following = [*(window.refit for window in windows[1:]), None][: len(windows)]
        for parts, after in zip(self.fitter.chain(member, self.task.bars, windows), following, strict=True):
            for fit in parts:
                yield fit, *self.task.schedule.served(fit.window.refit, after, self.task.last)

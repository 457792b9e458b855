"""From a fit to the origins it serves: bar by bar, without a refit, unless the fit no longer describes what comes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tradepipe.forecasting.engines import forecast_batch, update_batch
from tradepipe.forecasting.engines.merging import alike, stacked
from tradepipe.forecasting.model import (
    BoolArray,
    Fits,
    IntArray,
    MeanForecast,
    Member,
    ModelSpec,
    Panel,
    VarianceForecast,
)
from tradepipe.forecasting.refits.answers import Answers
from tradepipe.forecasting.refits.drift import Watch
from tradepipe.forecasting.refits.fitting import Fitter, MemberFit, residuals_of
from tradepipe.forecasting.refits.keeping import needs_all_symbols
from tradepipe.forecasting.refits.rehearsal import rehearse
from tradepipe.forecasting.refits.task import Task


@dataclass(frozen=True)
class Service:
    """How one member's fits serve one partition.

    Attributes:
        task: the partition.
        member: whose fits.
        fitter: makes the refits that drift asks for.
        watch: sees when it does; None for members whose law is not fitted, which adapt by themselves.
        fewest: returns that a refit needs.
        answers: are written to.
    """

    task: Task
    member: Member
    fitter: Fitter
    watch: Watch | None
    fewest: int
    answers: Answers

    @property
    def multivariate(self) -> bool:
        """Whether one symbol's numbers rest on the bars of others."""
        return needs_all_symbols(self.member)

    def serve(self, fit: MemberFit, first: int, last: int, only: BoolArray | None = None) -> list[MemberFit]:
        """Answer at all origins in the sessions `first` to `last`, of which `fit` may see the bars up to each.

        Args:
            fit: of the newest refit.
            first: the refit's own session where it serves that one's bar, else the one after it.
            last: the session before the next refit takes over.
            only: (rows,) which of the fit's symbols are answered for; default: all.

        Returns:
            The fits that drift asked for meanwhile, in the order in which they were made.
        """
        standing = _Standing.of(fit, self, only)
        if self.watch is not None and fit.window.trigger == "first":
            rehearse(self.watch, self.member, fit, self.task.bars)
        refitted: list[MemberFit] = []
        if first == fit.window.refit:
            standing.answer(standing.at_session(first))
            first += 1
        for session in range(first, last + 1):
            standing.pass_through(session)
            # After the last session the next refit comes anyhow.
            if self.watch is None or session == last or not (drifted := standing.drifted()).any():
                continue
            standing.serving &= ~drifted
            self.watch.forget(fit.window.rows[drifted])
            again = np.zeros(len(self.task.bars.symbols), dtype=np.bool_)
            again[fit.window.rows[drifted]] = True
            for new in self._refit(session, again):
                chosen = again[new.window.rows]
                refitted.append(replace(new, answered=chosen))
                refitted += self.serve(new, session + int(self.task.schedule.several), last, chosen)
        return refitted

    def serve_others(self) -> list[MemberFit]:
        """Answer where no refit on schedule does: from fits of symbols that listed, or came back, since the last one.

        Returns:
            These fits, in the order in which they were made.
        """
        task, late = self.task, int(self.task.schedule.several)
        sessions = task.bars.last_session(task.places + 1)
        made: list[MemberFit] = []
        for session in range(task.first, task.last + 1):
            waiting = np.zeros(len(task.bars.symbols), dtype=np.bool_)
            waiting[task.symbols[(sessions == session) & np.isnan(self.answers.mean[:, 0])]] = True
            window = task.window(session - late, "first", self.fewest, waiting)
            if not len(window.rows):
                continue
            _, last = task.schedule.served(window.refit, task.schedule.after(window.refit), task.last)
            for fit in self.fitter.chain(self.member, task.bars, [window])[0]:
                made += [fit, *self.serve(fit, session, last)]
        return made

    def answer_at_refits(self, fits: Sequence[MemberFit]) -> None:
        """Answer at the bar of each fit's own session, of many fits in one call."""
        task, horizon = self.task, self.answers.mean.shape[1]
        for run in alike([(fit.mean, fit.variance) for fit in fits]):
            windows = [fit.window for fit in fits[run]]
            rows, stops = (np.concatenate([getattr(one, name) for one in windows]) for name in ("rows", "stops"))
            session = np.repeat([one.refit for one in windows], [len(one.rows) for one in windows])
            through = task.bars.last_session(stops)
            here = (through == session) & (stops > task.begin[rows])
            mean, variance = (stacked([getattr(fit, name) for fit in fits[run]]) for name in ("mean", "variance"))
            ahead = _forecasts(self.member, mean, variance, horizon)
            at = task.origins(rows[here], stops[here] - 1)
            self.answers.put(at, here, *ahead, through[here])
            if self.multivariate:
                rests = [task.bars.known(one.starts, one.stops) for one in windows]
                self.answers.rests[at] = np.repeat(rests, [len(one.rows) for one in windows])[here]

    def _refit(self, session: int, again: BoolArray) -> list[MemberFit]:
        """Fits of the symbols `again`; of a multivariate model, with all others that it looks at."""
        among = None if self.multivariate else again
        window = self.task.window(session, "drift", self.fewest, among, members=self.multivariate)
        return self.fitter.chain(self.member, self.task.bars, [window])[0] if len(window.rows) else []


@dataclass
class _Standing:
    """Where a fit stands: after which bar of each of its symbols."""

    service: Service
    fit: MemberFit
    mean: Fits
    variance: Fits
    stops: IntArray
    serving: BoolArray
    ahead: tuple[MeanForecast, VarianceForecast] | None = None

    @classmethod
    def of(cls, fit: MemberFit, service: Service, only: BoolArray | None) -> "_Standing":
        serving = np.ones(len(fit.window.rows), dtype=np.bool_) if only is None else only.copy()
        return cls(service, fit, fit.mean, fit.variance, fit.window.stops, serving)

    def at_session(self, session: int) -> BoolArray:
        """Which symbols stand at a bar of `session`, an origin."""
        rows, task = self.fit.window.rows, self.service.task
        here = task.bars.last_session(self.stops) == session
        return np.asarray(here & (self.stops > task.begin[rows]) & self.serving)

    def pass_through(self, session: int) -> None:
        """Take the session's bars in, one after another, and answer at each that is an origin."""
        task, rows = self.service.task, self.fit.window.rows
        ends = task.bars.until(session)[rows]
        if session < task.first and self.service.watch is None:
            self._take(ends)
        while (moving := self.stops < ends).any():
            origins = moving & (self.stops >= task.begin[rows]) & self.serving
            self.step(moving)
            if origins.any():
                self.answer(origins)

    def step(self, moving: BoolArray) -> None:
        """Take one bar in of the symbols that are `moving`."""
        seen = moving & self.serving
        if self.service.watch is not None and seen.any():
            mean, variance = self.forecast()
            values = self.service.task.bars.returns[self.stops[seen]]
            first = (mean.mean[seen, 0], variance.variance[seen, 0], variance.freedom[seen])
            self.service.watch.meet(self.fit.window.rows[seen], values, *first)
        self._take(self.stops + moving)

    def _take(self, following: IntArray) -> None:
        """Take all bars up to `following` in."""
        bars = self.service.task.bars.panel(self.fit.window.rows, self.stops, following)
        self.mean = _updated(self.mean, bars)
        self.variance = _updated(self.variance, residuals_of(self.mean))
        self.stops, self.ahead = following, None

    def drifted(self) -> BoolArray:
        """Which symbols are answered for and ask for a refit."""
        if self.service.watch is None:
            return np.zeros(len(self.serving), dtype=np.bool_)
        variance = self.fit.variance
        usual = variance.log_likelihood / np.maximum(variance.observations, 1)
        return self.service.watch.drifted(self.fit.window.rows, usual) & self.serving

    def forecast(self) -> tuple[MeanForecast, VarianceForecast]:
        """From here, for all symbols."""
        if self.ahead is None:
            horizon = self.service.answers.mean.shape[1]
            self.ahead = _forecasts(self.service.member, self.mean, self.variance, horizon)
        return self.ahead

    def answer(self, rows: BoolArray) -> None:
        """Write the forecasts of the symbols `rows`, which stand at origins."""
        window, service = self.fit.window, self.service
        at = service.task.origins(window.rows[rows], self.stops[rows] - 1)
        through = service.task.bars.last_session(window.stops[rows])
        service.answers.put(at, rows, *self.forecast(), through)
        if service.multivariate:
            service.answers.rests[at] = service.task.bars.known(window.starts, window.stops)


def _forecasts(member: Member, mean: Fits, variance: Fits, horizon: int) -> tuple[MeanForecast, VarianceForecast]:
    first = forecast_batch({member.mean: mean}, horizon)[member.mean]
    second = forecast_batch({member.variance: variance}, horizon)[member.variance]
    if not isinstance(first, MeanForecast) or not isinstance(second, VarianceForecast):
        raise TypeError(f"{member.name}: its mean and variance equations are interchanged")
    return first, second


def _updated(fits: Fits, bars: Panel) -> Fits:
    spec: ModelSpec = fits.spec
    return update_batch({spec: fits}, bars)[spec]

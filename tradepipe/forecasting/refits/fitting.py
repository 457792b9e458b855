"""One member fitted to many symbols, refit after refit: warm within the chain, or restored from the cache."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from tradepipe.forecasting.engines import filter_batch, fit_batch
from tradepipe.forecasting.model import BoolArray, Fits, IntArray, Member, ModelSpec, Panel
from tradepipe.forecasting.refits.bars import Bars
from tradepipe.forecasting.refits.cache import FitCache, Row, fits_of
from tradepipe.forecasting.refits.claims import Claims
from tradepipe.forecasting.refits.keeping import Keeping, look_up

Trigger = Literal["first", "schedule", "drift"]
EngineChoice = Literal["auto", "reference"]

AT_ONCE = 1 << 20
"""Values that are handed over in one call: 8 MB, of which an engine may make a few copies."""


@dataclass(frozen=True)
class Window:
    """What one refit sees.

    Attributes:
        refit: number of the session after whose close it is.
        turn: rotates the cold starts.
        trigger: why it is made.
        rows: symbols of the bars that are fitted.
        starts: (rows,) place of the first bar.
        stops: (rows,) place after the last bar, which lies in the refit's session or before it.
    """

    refit: int
    turn: int
    trigger: Trigger
    rows: IntArray
    starts: IntArray
    stops: IntArray

    def take(self, chosen: BoolArray) -> "Window":
        """The rows that are `chosen`."""
        return replace(self, rows=self.rows[chosen], starts=self.starts[chosen], stops=self.stops[chosen])


@dataclass(frozen=True)
class MemberFit:
    """A member after a refit: rows of the window, its two equations, standing after the window's last bar.

    Residuals are gone from `mean`; what follows needs the state alone.
    """

    window: Window
    mean: Fits
    variance: Fits
    answered: BoolArray | None = None
    """(rows,) which symbols it answers for; None: all."""


Counting = Callable[[str, int], AbstractContextManager[None]]
"""Counts the time inside as that of so many fits of a member."""


def _uncounted(_member: str, _fits: int) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Fitter:
    """How members are fitted: on which engines and threads, and where fits are kept and counted, if anywhere."""

    engine: EngineChoice = "auto"
    threads: int = 1
    cache: FitCache | None = None
    counting: Counting = _uncounted
    claims: Claims = field(default_factory=Claims, compare=False)

    def chain(self, member: Member, bars: Bars, windows: Sequence[Window]) -> list[list[MemberFit]]:
        """Fit `windows` one after another, the first cold and each other one warm from the one before.

        Returns:
            For each window its fits, which together have its rows: those restored, and those fitted now. A chain
            restored has the numbers that it had when it was fitted, bit for bit.
        """
        if not is_optimised(member):
            return self._each(member, bars, windows)
        with self.claims.on(self.cache) as cache:
            return self._kept(cache, member, bars, windows)

    def _kept(
        self, cache: FitCache | None, member: Member, bars: Bars, windows: Sequence[Window]
    ) -> list[list[MemberFit]]:
        """As `chain`, of what `cache` has not."""
        kept = look_up(cache, member, self.engine, bars, windows)
        chain: list[list[MemberFit]] = []
        before: MemberFit | None = None
        for turn, window in enumerate(windows):
            held = np.isin(window.rows, kept.rows) if kept.found else np.zeros(len(window.rows), dtype=np.bool_)
            parts = []
            if held.any():
                parts.append(restored(kept, member, bars, window.take(held), turn))
            # Warm from the refit just before alone: a symbol that was not in it starts cold, whoever is fitted beside.
            before = None if held.all() else self._fitted(member, bars, window.take(~held), before)
            if before is not None:
                kept.add(before)
                parts.append(before)
            chain.append([replace(part, mean=replace(part.mean, residuals=())) for part in parts])
        kept.save()
        return chain

    def _each(self, member: Member, bars: Bars, windows: Sequence[Window]) -> list[list[MemberFit]]:
        """As `chain` of a member that starts from no earlier fit: many windows are fitted in one call."""
        chain: list[list[MemberFit]] = []
        for some in _batches(windows):
            values = [one for window in some for one in bars.values(window.starts, window.stops)]
            series = Panel(tuple(str(number) for number in range(len(values))), tuple(values))
            with self.counting(member.name, len(values)):
                mean = self._one(series, member.mean, None, 0)
                variance = self._one(residuals_of(mean), member.variance, None, 0)
            mean, begin = replace(mean, residuals=()), 0
            for window in some:
                rows = np.arange(begin, begin + len(window.rows))
                symbols = tuple(bars.symbols[row] for row in window.rows.tolist())
                chosen = (mean, variance) if len(some) == 1 else (one.take(rows) for one in (mean, variance))
                first, second = (replace(one, symbols=symbols) for one in chosen)
                chain.append([MemberFit(window, first, second)] if len(rows) else [])
                begin += len(rows)
        return chain

    def _fitted(self, member: Member, bars: Bars, window: Window, before: MemberFit | None) -> MemberFit:
        panel = bars.panel(window.rows, window.starts, window.stops)
        with self.counting(member.name, len(window.rows)):
            mean = self._one(panel, member.mean, before.mean if before else None, window.turn)
            variance = self._one(residuals_of(mean), member.variance, before.variance if before else None, window.turn)
        return MemberFit(window, mean, variance)

    def _one(self, panel: Panel, spec: ModelSpec, before: Fits | None, turn: int) -> Fits:
        states = {} if before is None else {spec: before}
        return fit_batch(panel, [spec], states, turn=turn, threads=self.threads, engine=self.engine)[spec]


def _batches(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """`windows` in order, so many at a time that their values stay few."""
    some, count = list[Window](), 0
    for window in windows:
        own = int((window.stops - window.starts).sum())
        if some and count + own > AT_ONCE:
            yield some
            some, count = [], 0
        some.append(window)
        count += own
    if some:
        yield some


def is_optimised(member: Member) -> bool:
    """Whether fitting it costs more than filtering, so that it is worth keeping."""
    return member.mean.family in {"arma", "samossa"} or member.variance.family != "ewma"


def restored(kept: Keeping, member: Member, bars: Bars, window: Window, turn: int) -> MemberFit:
    """The fits of `window`, number `turn` of the chain, filtered at the parameters kept."""
    means, variances = kept.of(turn, window.rows)
    panel = bars.panel(window.rows, window.starts, window.stops)
    mean = _at(panel, member.mean, means)
    return MemberFit(window, mean, _at(residuals_of(mean), member.variance, variances))


def _at(panel: Panel, spec: ModelSpec, rows: Sequence[Row]) -> Fits:
    said = fits_of(spec, panel.symbols, rows)
    found = filter_batch({spec: said}, panel)[spec]
    return replace(found, log_likelihood=said.log_likelihood, observations=said.observations)


def residuals_of(mean: Fits) -> Panel:
    """The one-step errors that the variance equation is fitted to, without those that a mean cannot make."""
    whole = bool(np.isfinite(np.concatenate([np.empty(0), *mean.residuals])).all())
    return Panel(mean.symbols, mean.residuals if whole else tuple(one[np.isfinite(one)] for one in mean.residuals))

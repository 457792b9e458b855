"""What one partition asks for: which bars it may see, which of them are origins, and which windows its refits have."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tradepipe.forecasting.model import BoolArray, IntArray
from tradepipe.forecasting.refits.bars import Bars
from tradepipe.forecasting.refits.fitting import Trigger, Window
from tradepipe.forecasting.refits.schedule import RefitSchedule

FEWEST_RETURNS = 10
"""With fewer returns a symbol has no forecast at all."""

SILENT_SESSIONS = 20
"""A symbol whose newest bar is older than this at a refit is not fitted: it has most likely left the market."""


@dataclass(frozen=True)
class Task:
    """One partition of a range. Sessions are numbers of the schedule.

    Attributes:
        bars: of the range.
        schedule: when refits are due.
        anchor: the oldest session that may be seen.
        first: session of the first origins.
        last: session of the last ones.
        train_bars: most returns of a window.
    """

    bars: Bars
    schedule: RefitSchedule
    anchor: int
    first: int
    last: int
    train_bars: int

    @cached_property
    def oldest(self) -> IntArray:
        """(symbols,) place of the oldest bar that may be seen."""
        return self.bars.since(self.anchor)

    @cached_property
    def begin(self) -> IntArray:
        """(symbols,) place of the first origin."""
        return self.bars.until(self.first - 1)

    @cached_property
    def end(self) -> IntArray:
        """(symbols,) place after the last origin."""
        return self.bars.until(self.last)

    @cached_property
    def places(self) -> IntArray:
        """(origins,) places of all origins, by symbol and time."""
        return np.concatenate(
            [
                np.empty(0, np.int64),
                *(np.arange(a, b) for a, b in zip(self.begin.tolist(), self.end.tolist(), strict=True)),
            ]
        )

    @cached_property
    def symbols(self) -> IntArray:
        """(origins,) number of each origin's symbol."""
        return np.repeat(np.arange(len(self.begin)), self.end - self.begin)

    @cached_property
    def lengths(self) -> IntArray:
        """(origins,) returns that a refit after each origin's bar would see."""
        return np.asarray(self.places + 1 - np.maximum(self.oldest[self.symbols], self.places + 1 - self.train_bars))

    @cached_property
    def _shift(self) -> IntArray:
        """(symbols,) what turns the place of an origin into its number."""
        counts = self.end - self.begin
        return np.asarray(np.cumsum(counts) - counts - self.begin)

    def origins(self, rows: IntArray, places: IntArray) -> IntArray:
        """The number of the origin at each of `places`, bars of the symbols `rows`."""
        return np.asarray(places + self._shift[rows])

    def window(
        self, refit: int, trigger: Trigger, fewest: int, among: BoolArray | None = None, *, members: bool = False
    ) -> Window:
        """The newest bars up to the session `refit` of every symbol that has at least `fewest` of them.

        Of the symbols `among`, if told; and, for a model in which each symbol's numbers follow from all, of `members`
        of the universe alone: one that became a member later would let what is known later shape the others'.

        Symbols are left out that had no bar lately: in the last `SILENT_SESSIONS`, or, where the refit serves its
        session's bar alone, in that session.
        """
        stops = self.bars.until(refit)
        starts = np.maximum(self.oldest, stops - self.train_bars)
        patience = 0 if self.schedule.every == "day" and not self.schedule.several else SILENT_SESSIONS
        lately = self.bars.last_session(stops) >= refit - patience
        chosen = (stops - starts >= fewest) & lately
        if among is not None:
            chosen &= among
        if members:
            chosen &= self.bars.members(np.maximum(stops, 1) - 1)
        rows = np.flatnonzero(chosen)
        return Window(refit, int(self.schedule.turns[refit]), trigger, rows, starts[rows], stops[rows])

    def windows(self, fewest: int, *, members: bool = False) -> Sequence[Window]:
        """Of the scheduled refits that serve the partition; see `window`."""
        chain = self.schedule.chain(self.first, self.last)
        return [
            self.window(refit, "schedule" if turn else "first", fewest, members=members)
            for turn, refit in enumerate(chain)
        ]

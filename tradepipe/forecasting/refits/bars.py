"""The bars of a whole range as flat arrays, of which every window is a view."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradepipe.forecasting.frames import runs_of
from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray, Panel
from tradepipe.forecasting.refits.schedule import RefitSchedule

_WIDTH = 1 << 32  # more than there are sessions, so that symbol and session make one ascending number


@dataclass(frozen=True)
class Bars:
    """Bars with a finite return, by symbol and open time.

    Attributes:
        symbols: ascending.
        returns: (n,) log returns, one symbol after another.
        places: (n,) number of the symbol times 2^32 plus number of the session: ascending.
        clock: (n,) when each bar became known, microseconds since 1970 UTC.
        exog: (n, k) regressors known before each return, or None.
        ahead: (n, k) regressors known at each bar, which the return after it regresses on, or None.
        before: (n,) number of the session whose bar `exog` is of, or None.
        groups: of the symbols, or ().
        member: (n,) whether the symbol was a member of the universe on each bar's session, or None: all always were.
    """

    symbols: tuple[str, ...]
    returns: FloatArray
    places: IntArray
    clock: IntArray
    exog: FloatArray | None = None
    ahead: FloatArray | None = None
    before: IntArray | None = None
    groups: tuple[str, ...] = ()
    member: BoolArray | None = None

    @classmethod
    def of(
        cls,
        rows: pl.DataFrame,
        schedule: RefitSchedule,
        exog: tuple[str, ...] = (),
        groups: Mapping[str, str] | None = None,
    ) -> "Bars":
        """`rows`: symbol, session, known_at, log_return and `exog` with `before:` before it, by symbol, open time.

        The column is_member is only there where membership changes.
        """
        symbols, begin = runs_of(rows)
        places = schedule.numbers(rows["session"].to_numpy())
        places += np.repeat(np.arange(len(symbols)) * _WIDTH, np.diff(np.append(begin, rows.height)))
        return cls(
            symbols=tuple(symbols),
            returns=np.ascontiguousarray(rows["log_return"].to_numpy()),
            places=places,
            clock=rows["known_at"].to_physical().to_numpy(),
            exog=_matrix(rows, [f"before:{name}" for name in exog]),
            ahead=_matrix(rows, list(exog)),
            before=schedule.numbers(rows["before:session"].to_numpy()) if exog else None,
            groups=tuple(groups.get(one, "") for one in symbols) if groups else (),
            member=rows["is_member"].to_numpy() if "is_member" in rows.columns else None,
        )

    def since(self, session: int) -> IntArray:
        """(symbols,) place of each symbol's first bar that rests on nothing before the session numbered `session`."""
        first = self.until(session - 1)
        if self.before is None:
            return first
        its_own = first < self.until(_WIDTH - 1)  # no bar of the next symbol
        return first + (its_own & (np.append(self.before, session)[first] < session))

    def until(self, session: int) -> IntArray:
        """(symbols,) where each symbol's bars after the session numbered `session` begin."""
        bounds = np.arange(len(self.symbols), dtype=np.int64) * _WIDTH + session
        return np.asarray(np.searchsorted(self.places, bounds, side="right"), dtype=np.int64)

    def last_session(self, stops: IntArray) -> IntArray:
        """Number of the session of the bar before each of `stops`."""
        return np.asarray(self.places[np.maximum(stops, 1) - 1] % _WIDTH)

    def members(self, places: IntArray) -> BoolArray:
        """(places,) whether the symbol was a member of the universe on the session of the bar at each of `places`."""
        return np.ones(len(places), dtype=np.bool_) if self.member is None else np.asarray(self.member[places])

    def known(self, starts: IntArray, stops: IntArray) -> int:
        """When the last of the bars from `starts` to `stops` became known; 0 of none."""
        some = starts < stops
        bounds = np.column_stack([starts[some], stops[some]]).ravel()
        newest = np.maximum.reduceat(np.append(self.clock, 0), bounds)[::2] if len(bounds) else np.zeros(1, np.int64)
        return int(newest.max())

    def panel(self, rows: IntArray, starts: IntArray, stops: IntArray) -> Panel:
        """The bars from `starts` to `stops` of the symbols `rows`, as views."""
        bounds = list(zip(starts.tolist(), stops.tolist(), strict=True))
        return Panel(
            symbols=tuple(self.symbols[row] for row in rows.tolist()),
            values=self.values(starts, stops),
            exog=() if self.exog is None else tuple(self.regressors(start, stop) for start, stop in bounds),
            groups=tuple(self.groups[row] for row in rows.tolist()) if self.groups else (),
        )

    def values(self, starts: IntArray, stops: IntArray) -> tuple[FloatArray, ...]:
        """The returns from each of `starts` to its stop, as views."""
        return tuple(self.returns[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True))

    def regressors(self, start: int, stop: int) -> FloatArray:
        """(stop - start + 1, k) rows known before each bar from `start` to `stop`, and before the one after them."""
        if self.exog is None or self.ahead is None:
            raise ValueError("there are no regressors")
        return np.concatenate([self.exog[start:stop], self.ahead[stop - 1 : stop]])


def _matrix(rows: pl.DataFrame, names: list[str]) -> FloatArray | None:
    return np.ascontiguousarray(rows.select(names).to_numpy(), dtype=np.float64) if names else None

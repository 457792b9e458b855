"""Bars as they arrive, one a symbol: as arrays of numbers, or refused by symbol and column."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.indicators.errors import IndicatorInputError
from tradepipe.indicators.inputs import OUTSIDE_INPUTS

Floats = NDArray[np.float64]
Slots = NDArray[np.int64]

NEVER = np.iinfo(np.int64).min
"""The open time of a symbol that has had no bar; also what numpy's NaT is."""


@dataclasses.dataclass(frozen=True)
class Arriving:
    """Whose bars arrive: `slots` are places in `symbols`, in the order of the bars."""

    symbols: Sequence[str]
    slots: Slots

    def first(self, where: NDArray[np.bool_]) -> tuple[int, str]:
        """Place and symbol of the first bar where something holds."""
        place = int(np.argmax(where))
        return place, self.symbols[self.slots[place]]


def numbers_of(bars: Mapping[str, Any], inputs: Sequence[str], arriving: Arriving) -> dict[str, Floats]:
    """Each input as float64, a number a bar; NaN where an input from outside is missing.

    Raises:
        IndicatorInputError: an input is missing, not finite, or not one a bar.
    """
    return {name: _input(name, bars.get(name), arriving) for name in inputs}


def open_times(bars: Mapping[str, Any], last: Slots, arriving: Arriving) -> Slots:
    """`open_time` in microseconds since 1970, one a bar.

    Args:
        bars: see `Live.update`.
        last: that of each symbol's bar before, `NEVER` where there was none.
        arriving: whose bars they are.

    Raises:
        IndicatorInputError: one is missing or no later than the one before.
    """
    given = bars.get("open_time")
    if given is None:
        raise IndicatorInputError("the bars lack open_time; without it bars in the wrong order would go unnoticed")
    times = _filled("open_time", _instants(given), arriving)
    late = (times <= last) | (times == NEVER)
    if late.any():
        place, symbol = arriving.first(late)
        before = "it" if last[place] == NEVER else f"that of {_shown(last[place])}"
        raise IndicatorInputError(
            f"open_time of {symbol} is {_shown(times[place])}, which does not come after {before}. Remedy: leave out "
            "bars that were seen; to correct one, restore a state from before it."
        )
    return times


def _input(name: str, given: Any, arriving: Arriving) -> Floats:
    outside = name in OUTSIDE_INPUTS
    if given is None:
        if outside:
            return np.full(len(arriving.slots), np.nan)
        raise IndicatorInputError(f"the bars lack {name}")
    try:
        numbers = _days(given) if name == "session" else np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise IndicatorInputError(f"{name} holds what is no number: {given!r:.80}") from None
    values = _filled(name, numbers, arriving)
    broken = np.isinf(values) if outside else ~np.isfinite(values)
    if broken.any():
        place, symbol = arriving.first(broken)
        raise IndicatorInputError(
            f"{name} of {symbol} is {values[place]}; indicators need finite numbers. Remedy: leave the bar out, as the "
            "bars contract does."
        )
    return values


def _filled(name: str, values: NDArray[Any], arriving: Arriving) -> NDArray[Any]:
    """One value a bar; a single one is everybody's."""
    count = len(arriving.slots)
    if values.ndim and values.shape != (count,):
        raise IndicatorInputError(
            f"{name} holds {values.size} values for {count} symbols; give one each, or one for all"
        )
    return values if values.ndim else np.full(count, values)


def _days(given: Any) -> Floats:
    """Days since 1970; NaN for no date."""
    dates = np.asarray(given)
    if dates.dtype.kind == "O":
        dates = dates.astype("datetime64[D]")
    if dates.dtype.kind != "M":
        return dates.astype(np.float64)
    days = dates.astype("datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(np.float64))


def _instants(given: Any) -> Slots:
    """Microseconds since 1970."""
    alone = isinstance(given, dt.datetime)
    times = np.asarray(pl.Series([given] if alone else given) if alone or isinstance(given, list | tuple) else given)
    if times.dtype.kind == "M":
        times = times.astype("datetime64[us]")
    elif times.size and times.dtype.kind not in "iu":
        raise IndicatorInputError(f"open_time holds what is no time: {given!r:.80}")
    found: Slots = times.astype(np.int64)
    return found[0] if alone else found


def _shown(time: np.int64) -> str:
    return "missing" if time == NEVER else f"{np.datetime64(int(time), 'us').astype(dt.datetime):%Y-%m-%d %H:%M:%S} UTC"

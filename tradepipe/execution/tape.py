"""History cut into steps: the bars that open before each decision, and the closes of each session."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from tradepipe.contracts import UTC
from tradepipe.execution.marks import Close, Closes
from tradepipe.portfolio import from_float

_BAR_COLUMNS = ("symbol", "session", "open_time", "close_time", "open", "close", "known_at")


@dataclass(frozen=True, slots=True)
class Step:
    """What happens up to one decision: `bars` opened before it.

    The last step of a session has no decision and brings whatever is left of the session.
    """

    bars: pl.DataFrame
    decided_at: dt.datetime | None


class Tape:
    """Bars of the BARS contract, and the decision times of each session."""

    def __init__(self, bars: pl.DataFrame, decisions: Mapping[dt.date, Iterable[dt.datetime]]) -> None:
        self._decisions = {session: sorted(times) for session, times in decisions.items()}
        self._empty = bars.select(_BAR_COLUMNS).clear()
        numbered = _numbered(bars.select(_BAR_COLUMNS), self._decisions)
        self._opened = {
            (session, step): frame
            for (session, step), frame in numbered.partition_by("session", "opens_in", as_dict=True).items()
        }
        self._closes = _closes(bars)
        self.sessions = sorted({*numbered["session"].unique().to_list(), *self._decisions})

    def steps(self, session: dt.date) -> Iterator[Step]:
        """The session's steps in order of time; the last one has no decision."""
        for number, decided_at in enumerate([*self._decisions.get(session, []), None]):
            key = (session, number)
            yield Step(self._opened.get(key, self._empty), decided_at)

    def closes(self, session: dt.date) -> Closes:
        """The closes of the session's bars and when each became known, which may be sessions later."""
        return self._closes.get(session, {})


def _numbered(bars: pl.DataFrame, decisions: Mapping[dt.date, list[dt.datetime]]) -> pl.DataFrame:
    """`bars` with the number of the step of their session in which they open.

    A bar that opens at a decision opens after it. Whether a price may be traded at goes by its
    time; only what a decision looks at goes by when it was known.
    """
    pairs = [(session, at, number) for session, times in decisions.items() for number, at in enumerate(times, start=1)]
    schema = pl.Schema({"session": pl.Date(), "at": UTC, "step": pl.Int64()})
    times = pl.DataFrame(pairs, schema=schema, orient="row").sort("at")
    return (
        bars.sort("open_time", "symbol")
        .join_asof(times, left_on="open_time", right_on="at", by="session", strategy="backward", check_sortedness=False)
        .with_columns(pl.col("step").fill_null(0).alias("opens_in"))
        .drop("step", "at", strict=False)
    )


def _closes(bars: pl.DataFrame) -> dict[dt.date, dict[str, list[Close]]]:
    key = ["session", "symbol"]
    known_by_later_bars = pl.col("known_at").shift(-1).to_physical().cum_min(reverse=True).over(key)
    newest = (
        bars.sort(*key, "close_time")
        .filter((pl.col("known_at").to_physical() < known_by_later_bars).fill_null(value=True))
        .to_dict(as_series=False)
    )
    result: dict[dt.date, dict[str, list[Close]]] = {}
    for session, symbol, known_at, close in zip(
        newest["session"], newest["symbol"], newest["known_at"], newest["close"], strict=True
    ):
        result.setdefault(session, {}).setdefault(symbol, []).append(Close(known_at, from_float(close)))
    return result

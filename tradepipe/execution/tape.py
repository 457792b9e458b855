"""History cut into steps: the bars that open, and the closes that become known, before each decision."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from tradepipe.contracts import UTC
from tradepipe.portfolio import from_float

_BAR_COLUMNS = ("symbol", "session", "open_time", "close_time", "open", "close")


@dataclass(frozen=True, slots=True)
class Step:
    """What happens up to one decision.

    `bars` opened before it, `marks` are closes of bars that ended by then. The last step of a
    session has no decision and brings whatever is left of the session.
    """

    bars: pl.DataFrame
    marks: Mapping[str, Decimal]
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
        closes = numbered.sort("close_time").group_by("session", "closes_in", "symbol").agg(pl.col("close").last())
        self._closed: dict[tuple[dt.date, int], dict[str, Decimal]] = {}
        columns = closes.sort("session", "closes_in", "symbol").to_dict(as_series=False)
        for session, step, symbol, close in zip(
            columns["session"], columns["closes_in"], columns["symbol"], columns["close"], strict=True
        ):
            self._closed.setdefault((session, step), {})[symbol] = from_float(close)
        self.sessions = sorted({*numbered["session"].unique().to_list(), *self._decisions})

    def steps(self, session: dt.date) -> Iterator[Step]:
        """The session's steps in order of time; the last one has no decision."""
        for number, decided_at in enumerate([*self._decisions.get(session, []), None]):
            key = (session, number)
            yield Step(self._opened.get(key, self._empty), self._closed.get(key, {}), decided_at)


def _numbered(bars: pl.DataFrame, decisions: Mapping[dt.date, list[dt.datetime]]) -> pl.DataFrame:
    """`bars` with the number of the step of their session in which they open, and close.

    A bar that opens at a decision opens after it; one that closes at a decision closes before it.
    """
    pairs = [(session, at, number) for session, times in decisions.items() for number, at in enumerate(times)]
    schema = pl.Schema({"session": pl.Date(), "at": UTC, "step": pl.Int64()})
    times = pl.DataFrame(pairs, schema=schema, orient="row").sort("at")
    after_last = times.group_by("session").agg(pl.len().cast(pl.Int64).alias("last"))
    opens = bars.sort("open_time").join_asof(
        times.with_columns(pl.col("step") + 1),
        left_on="open_time",
        right_on="at",
        by="session",
        strategy="backward",
        check_sortedness=False,
    )
    opens = opens.with_columns(pl.col("step").fill_null(0).alias("opens_in")).drop("step", "at", strict=False)
    closes = opens.sort("close_time").join_asof(
        times, left_on="close_time", right_on="at", by="session", strategy="forward", check_sortedness=False
    )
    return (
        closes.join(after_last, on="session", how="left", maintain_order="left")
        .with_columns(pl.coalesce("step", "last", pl.lit(0, pl.Int64)).alias("closes_in"))
        .drop("step", "at", "last", strict=False)
        .sort("open_time", "symbol")
    )

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.contracts import UTC
from tradepipe.execution.tape import Tape

DAY, NEXT = dt.date(2018, 1, 5), dt.date(2018, 1, 8)
MIDNIGHT = dt.datetime(2018, 1, 5, tzinfo=dt.UTC)


def at(minute):
    return MIDNIGHT + dt.timedelta(minutes=minute)


def bars(*rows):
    """(symbol, session, open minute, close minute, close, minute when known or else the close) each."""
    schema = {"symbol": pl.String, "session": pl.Date, "open": pl.Int64, "end": pl.Int64, "close": pl.Float64}
    rows = [row if len(row) > len(schema) else (*row, row[3]) for row in rows]
    frame = pl.DataFrame(rows, schema=schema | {"known": pl.Int64}, orient="row")
    since = [pl.lit(MIDNIGHT).cast(UTC) + pl.duration(minutes=pl.col(name)) for name in ("open", "end", "known")]
    return frame.select(
        "symbol",
        "session",
        since[0].alias("open_time"),
        since[1].alias("close_time"),
        pl.col("close").alias("open"),
        "close",
        since[2].alias("known_at"),
    )


def minutes(moment):
    return int((moment - MIDNIGHT).total_seconds() / 60)


def told(tape, session):
    """Per step: the decision's minute, and (symbol, open minute) of its bars."""
    return [
        (
            step.decided_at and minutes(step.decided_at),
            [(symbol, minutes(time)) for symbol, time in zip(step.bars["symbol"], step.bars["open_time"], strict=True)],
        )
        for step in tape.steps(session)
    ]


def closes(tape, session):
    """Per symbol: (minute when known, close)."""
    return {symbol: [(minutes(at), price) for at, price in some] for symbol, some in tape.closes(session).items()}


def test_a_bar_is_met_by_the_first_decision_after_its_open():
    tape = Tape(
        bars(("A", DAY, 0, 10, 1.0), ("B", DAY, 0, 20, 2.0), ("A", DAY, 10, 20, 3.0), ("A", DAY, 20, 30, 4.0)),
        {DAY: [at(20), at(10)]},
    )
    assert told(tape, DAY) == [(10, [("A", 0), ("B", 0)]), (20, [("A", 10)]), (None, [("A", 20)])]


def test_a_bar_is_met_by_its_open_however_late_it_became_known():
    tape = Tape(bars(("A", DAY, 0, 10, 1.0, 500)), {DAY: [at(20)]})
    assert told(tape, DAY) == [(20, [("A", 0)]), (None, [])]


def test_a_decision_after_the_session_meets_all_of_it_and_none_of_the_next():
    tape = Tape(bars(("A", DAY, 0, 10, 1.0), ("A", NEXT, 15, 25, 2.0)), {DAY: [at(20)], NEXT: [at(40)]})
    assert told(tape, DAY) == [(20, [("A", 0)]), (None, [])]
    assert told(tape, NEXT) == [(40, [("A", 15)]), (None, [])]


def test_sessions_with_bars_only_or_decisions_only_are_walked_too():
    tape = Tape(bars(("A", DAY, 0, 10, 1.0)), {NEXT: [at(20)]})
    assert tape.sessions == [DAY, NEXT]
    assert told(tape, DAY) == [(None, [("A", 0)])]
    assert told(tape, NEXT) == [(20, []), (None, [])]
    assert (closes(tape, DAY), closes(tape, NEXT)) == ({"A": [(10, 1)]}, {})


def test_closes_come_with_the_time_when_they_were_known_unless_a_later_one_was_known_before():
    tape = Tape(
        bars(
            ("A", DAY, 0, 10, 1.0),
            ("A", DAY, 10, 20, 2.0, 90),
            ("A", DAY, 20, 30, 3.0, 50),
            ("A", DAY, 30, 40, 4.0, 50),
            ("B", DAY, 0, 10, 5.0, 70),
        ),
        {},
    )
    assert closes(tape, DAY) == {"A": [(10, 1), (50, 4)], "B": [(70, 5)]}


def test_nothing_at_all_is_an_empty_tape():
    assert Tape(bars(), {}).sessions == []


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.sampled_from([DAY, NEXT]), st.integers(0, 50)), unique=True, max_size=12
    ),
    st.dictionaries(st.sampled_from([DAY, NEXT]), st.lists(st.integers(0, 70), unique=True, min_size=1, max_size=4)),
)
def test_every_bar_is_met_once_and_no_decision_meets_one_that_opens_later(opens, decisions):
    rows = [(symbol, session, minute, minute + 10, 1.0 + minute) for symbol, session, minute in opens]
    tape = Tape(bars(*rows), {session: [at(minute) for minute in minutes] for session, minutes in decisions.items()})
    met = []
    for session in tape.sessions:
        before = None
        for minute, bars_met in told(tape, session):
            met += [(symbol, session, opened) for symbol, opened in bars_met]
            assert minute is None or all(opened < minute for _, opened in bars_met)
            assert before is None or all(opened >= before for _, opened in bars_met)
            before = minute
    assert sorted(met) == sorted(opens)


@pytest.mark.parametrize("count", [0, 3])
def test_prices_become_exact(count):
    tape = Tape(bars(*[("A", DAY, number, number + 1, 0.1 + 0.2) for number in range(count)]), {DAY: [at(60)]})
    prices = [some[-1].price for some in tape.closes(DAY).values()]
    assert prices == ([Decimal("0.3")] if count else [])

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
    """(symbol, session, open minute, close minute, close) each."""
    schema = {"symbol": pl.String, "session": pl.Date, "open": pl.Int64, "end": pl.Int64, "close": pl.Float64}
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    since = [pl.lit(MIDNIGHT).cast(UTC) + pl.duration(minutes=pl.col(name)) for name in ("open", "end")]
    return frame.select(
        "symbol",
        "session",
        since[0].alias("open_time"),
        since[1].alias("close_time"),
        pl.col("close").alias("open"),
        "close",
    )


def told(tape, session):
    """Per step: the decision's minute, (symbol, open minute) of its bars, and its marks."""
    return [
        (
            step.decided_at and int((step.decided_at - MIDNIGHT).total_seconds() / 60),
            [
                (symbol, int((time - MIDNIGHT).total_seconds() / 60))
                for symbol, time in zip(step.bars["symbol"], step.bars["open_time"], strict=True)
            ],
            dict(step.marks),
        )
        for step in tape.steps(session)
    ]


def test_a_bar_is_marked_by_its_close_before_a_decision_and_met_when_it_opens_after():
    tape = Tape(
        bars(("A", DAY, 0, 10, 1.0), ("B", DAY, 0, 20, 2.0), ("A", DAY, 10, 20, 3.0), ("A", DAY, 20, 30, 4.0)),
        {DAY: [at(20), at(10)]},
    )
    assert told(tape, DAY) == [
        (10, [("A", 0), ("B", 0)], {"A": Decimal(1)}),
        (20, [("A", 10)], {"A": Decimal(3), "B": Decimal(2)}),
        (None, [("A", 20)], {"A": Decimal(4)}),
    ]


def test_a_decision_after_the_session_sees_all_of_it_and_none_of_the_next():
    tape = Tape(bars(("A", DAY, 0, 10, 1.0), ("A", NEXT, 15, 25, 2.0)), {DAY: [at(20)], NEXT: [at(40)]})
    assert told(tape, DAY) == [(20, [("A", 0)], {"A": Decimal(1)}), (None, [], {})]
    assert told(tape, NEXT) == [(40, [("A", 15)], {"A": Decimal(2)}), (None, [], {})]


def test_sessions_with_bars_only_or_decisions_only_are_walked_too():
    tape = Tape(bars(("A", DAY, 0, 10, 1.0)), {NEXT: [at(20)]})
    assert tape.sessions == [DAY, NEXT]
    assert told(tape, DAY) == [(None, [("A", 0)], {"A": Decimal(1)})]
    assert told(tape, NEXT) == [(20, [], {}), (None, [], {})]


def test_nothing_at_all_is_an_empty_tape():
    assert Tape(bars(), {}).sessions == []


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.sampled_from([DAY, NEXT]), st.integers(0, 50)), unique=True, max_size=12
    ),
    st.dictionaries(st.sampled_from([DAY, NEXT]), st.lists(st.integers(0, 70), unique=True, min_size=1, max_size=4)),
)
def test_every_bar_is_met_once_and_no_decision_sees_the_future(opens, decisions):
    rows = [(symbol, session, minute, minute + 10, 1.0 + minute) for symbol, session, minute in opens]
    tape = Tape(bars(*rows), {session: [at(minute) for minute in minutes] for session, minutes in decisions.items()})
    met = []
    for session in tape.sessions:
        before, marks = None, {}
        for minute, bars_met, marked in told(tape, session):
            marks |= marked
            met += [(symbol, session, opened) for symbol, opened in bars_met]
            if minute is not None:
                assert all(opened < minute for _, opened in bars_met)
                known = [row for row in rows if row[1] == session and row[3] <= minute]
                assert marks == {row[0]: Decimal(row[4]) for row in sorted(known, key=lambda row: row[2])}
            assert before is None or all(opened >= before for _, opened in bars_met)
            before = minute
    assert sorted(met) == sorted(opens)


@pytest.mark.parametrize("count", [0, 3])
def test_prices_become_exact(count):
    tape = Tape(bars(*[("A", DAY, number, number + 1, 0.1 + 0.2) for number in range(count)]), {DAY: [at(60)]})
    assert told(tape, DAY)[0][2] == ({"A": Decimal("0.3")} if count else {})

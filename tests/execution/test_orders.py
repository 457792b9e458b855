import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.contracts import ORDER_STATES
from tradepipe.execution.errors import IllegalTransitionError
from tradepipe.execution.journal import Entry
from tradepipe.execution.model import OrderState, Side
from tradepipe.execution.orders import fold

ORDER = "tp" + "a" * 26
DAY = dt.date(2018, 1, 5)
SIZING = {"lot": "1.00000000"}


def row(kind, **payload):
    return Entry(kind, kind, "m", "a", DAY, payload, ORDER)


def opening(kind="INTENT", quantity="10", code="approved"):
    intent = {
        "symbol": "AAA",
        "decided_at": "2018-01-05T21:30:00.000000+00:00",
        "expires_at": "2018-01-10T21:30:00.000000+00:00",
    }
    return row(kind, intent=intent, content_hash="c", quantity=quantity, code=code, sizing=SIZING)


def sending(attempt=1):
    return row("SENDING", attempt=attempt, deadline="2018-01-05T21:30:05.000000+00:00")


def fill(number, quantity="1", side="buy"):
    return row("FILL", venue="paper", fill_id=f"f{number}", quantity=quantity, side=side, price="5", fee="0")


ACK = row("ACK", attempt=1, venue_order_id="v")
UNKNOWN = row("UNKNOWN", attempt=1, error="reset")
REJECTED = row("REJECTED", attempt=1, reason="no_lot")
CANCELLED = row("CANCELLED", reason="asked")
EXPIRED = row("EXPIRED", reason="no_bar_in_time")
CONFLICT = row("CONFLICT", content_hash="other")
SENT = [opening(), sending()]


def test_the_states_are_the_contracts_words():
    assert tuple(state.value for state in OrderState) == ORDER_STATES


@pytest.mark.parametrize(
    ("rows", "state", "reason"),
    [
        ([opening("DENIED", code="late")], "DENIED", "late"),
        ([opening()], "INTENT", None),
        (SENT, "SENDING", None),
        ([*SENT, UNKNOWN], "UNKNOWN", None),
        ([*SENT, UNKNOWN, sending(2)], "SENDING", None),
        ([*SENT, ACK], "ACK", None),
        ([*SENT, UNKNOWN, ACK], "ACK", None),
        ([*SENT, REJECTED], "REJECTED", "no_lot"),
        ([*SENT, ACK, fill(1)], "PARTIAL", None),
        ([*SENT, ACK, fill(1, "4"), fill(2, "6")], "FILLED", None),
        ([*SENT, ACK, fill(1), CANCELLED], "CANCELLED", "asked"),
        ([*SENT, ACK, EXPIRED], "EXPIRED", "no_bar_in_time"),
        ([opening(), EXPIRED], "EXPIRED", "no_bar_in_time"),
        ([*SENT, ACK, CANCELLED, fill(1, "10")], "FILLED", None),
        ([*SENT, ACK, CONFLICT], "ACK", None),
    ],
)
def test_states(rows, state, reason):
    record = fold(rows)
    assert (record.state.value, record.reason) == (state, reason)
    assert (record.open_quantity == 0) == record.state.is_final


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([sending()], "never journaled"),
        ([opening(), opening()], "journaled before"),
        ([opening(), opening("DENIED")], "journaled before"),
        ([opening("DENIED"), sending()], "it was denied"),
        ([opening("DENIED"), fill(1)], "it was denied"),
        ([opening(), ACK], "never sent"),
        ([opening(), fill(1)], "never sent"),
        ([*SENT, ACK, sending(2)], "it is ACK"),
        ([*SENT, REJECTED, sending(2)], "it is REJECTED"),
        ([opening(), EXPIRED, sending()], "it is EXPIRED"),
        ([*SENT, ACK, REJECTED], "had accepted it"),
        ([*SENT, REJECTED, fill(1)], "had rejected it"),
        ([*SENT, ACK, fill(1, "11")], r"11\.0+ filled of 10\.0+ ordered"),
        ([*SENT, ACK, fill(1, "6"), fill(2, "5")], r"11\.0+ filled of 10\.0+ ordered"),
        ([*SENT, ACK, fill(1, "6"), fill(1, "4")], "again with other content"),
        ([*SENT, ACK, fill(1, side="sell")], "on the other side"),
        ([*SENT, row("SHRUG")], "no order has such a row"),
    ],
)
def test_what_contradicts_earlier_rows_is_refused(rows, why):
    with pytest.raises(IllegalTransitionError, match=why):
        fold(rows)


def test_nothing_folds_to_nothing():
    assert fold([]) is None


PARTS = st.lists(st.integers(1, 5), max_size=5)
ENDS = st.lists(st.sampled_from([CANCELLED, EXPIRED, UNKNOWN]), max_size=2)


@given(PARTS, ENDS, st.data())
def test_any_order_and_repetition_of_venue_events_gives_the_same_record(parts, ends, data):
    ordered = max(sum(parts), 1) + data.draw(st.integers(0, 3))
    events = [ACK, *(fill(number, str(part)) for number, part in enumerate(parts)), *ends]
    start = [opening(quantity=str(ordered)), sending()]
    expected = fold([*start, *events])
    repeated = events + data.draw(st.lists(st.sampled_from(events), max_size=5))
    shuffled = fold([*start, *data.draw(st.permutations(repeated))])
    assert shuffled == expected
    assert shuffled.state is expected.state
    assert shuffled.filled == sum(parts) <= ordered


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6)), max_size=8))
def test_no_sequence_of_fills_overfills(pieces):
    record = fold([*SENT, ACK])
    for number, quantity in pieces:
        try:
            record = fold([fill(number, str(quantity))], record)
        except IllegalTransitionError:
            continue
    assert record.filled == sum(Decimal(one["quantity"]) for one in record.fills.values()) <= 10
    assert record.filled + record.open_quantity == 10


def test_a_sell_counts_down():
    record = fold([opening(quantity="-10"), sending(), ACK, fill(1, "4", "sell")])
    assert record.open_quantity == -6
    order = record.order
    assert (order.side, order.quantity, order.lot) == (Side.SELL, 10, 1)
    assert order.expires_at - order.decided_at == dt.timedelta(days=5)

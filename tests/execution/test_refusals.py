"""What stops a run before it does harm: skipped sessions, waiting orders, a venue of another journal."""

import datetime as dt
from decimal import Decimal
from unittest.mock import patch

import polars as pl
import pytest

from tests.execution.hostile import HostileVenue
from tests.execution.scenes import MARKET, Scene, decision, sessions, wishing
from tests.execution.test_execute import after, until
from tests.execution.test_gateway import World, approved
from tradepipe.execution import OrderState, Side
from tradepipe.execution.errors import SessionsSkippedError, SignalInputError, VenueMismatchError
from tradepipe.execution.venues import DUPLICATE_ID, Reject, VenueOrder
from tradepipe.settings.models import ExecutionSettings

DAYS = sessions()


def tomorrow(day):
    return day + dt.timedelta(days=1)


def test_a_hole_in_the_sessions_is_refused_before_anything_is_sent_or_filled(any_scene):
    wishes = wishing(any_scene.bars, {("AAA", 3): 0.4, ("BBB", 6): 0.4})
    any_scene.execute(until(wishes, 3), until(any_scene.bars, 3))
    head, orders = any_scene.journal.head(), any_scene.venue_orders()
    later = pl.col("session") >= DAYS[6]
    handed_over = wishes.filter(later), any_scene.bars.filter(later)
    with pytest.raises(
        SessionsSkippedError,
        match=f"paper_town: the account has traded up to {DAYS[3]}, and 2 sessions from {DAYS[4]} to {DAYS[5]} would",
    ):
        any_scene.execute(*handed_over, since=DAYS[6], next_session=tomorrow)
    assert (any_scene.journal.head(), any_scene.venue_orders(), any_scene.venue_fills()) == (head, orders, {})
    with pytest.raises(SessionsSkippedError, match=f"and session {DAYS[4]} would be skipped"):
        any_scene.execute(*handed_over, since=DAYS[5], next_session=tomorrow)


def test_without_a_hole_the_account_goes_on(scene):
    for number in (9, 19, 9, 39):
        window = pl.col("session").is_between(DAYS[max(number - 19, 0)], DAYS[number])
        scene.execute(
            scene.signals.filter(window),
            scene.bars.filter(window),
            since=DAYS[max(number - 19, 0)],
            next_session=tomorrow,
        )
    assert scene.ledger().clock == DAYS[39]


def test_a_new_account_may_begin_anywhere(scene):
    scene.execute(after(scene.signals, 9), after(scene.bars, 9), since=DAYS[10], next_session=tomorrow)
    assert scene.ledger().clock == DAYS[39]


def test_the_first_session_without_the_way_to_count_is_refused(scene):
    with pytest.raises(SignalInputError, match="go together"):
        scene.execute(since=DAYS[0])


def test_an_order_of_a_symbol_that_stops_trading_gives_its_room_back(scene):
    wishes = wishing(scene.bars, {("AAA", 3): 0.6, ("BBB", 6): 0.5, ("BBB", 8): 0.5})
    scene.execute(wishes, scene.bars.filter((pl.col("symbol") == "BBB") | (pl.col("session") <= DAYS[3])))
    told = [(record.session, record.state, record.reason) for record in scene.ledger().orders.values()]
    assert told == [
        (DAYS[3], OrderState.EXPIRED, "no_bar_in_time"),
        (DAYS[6], OrderState.DENIED, "gross_limit"),
        (DAYS[8], OrderState.FILLED, None),
    ]


def test_a_closing_order_never_relies_on_an_opening_one_that_still_waits(scene):
    """A symbol without bars: the buy of session 3 expires, and the sell of session 7 would be naked."""
    gap = (pl.col("symbol") == "AAA") & pl.col("session").is_between(DAYS[4], DAYS[8])
    wishes = wishing(scene.bars, {("AAA", 3): 0.5, ("AAA", 7): 0.0, ("AAA", 12): 0.4, ("AAA", 15): -0.4})
    scene.execute(wishes, scene.bars.filter(~gap))
    ledger = scene.ledger()
    told = [(record.session, record.state, record.denied) for record in ledger.orders.values()]
    assert told == [
        (DAYS[3], OrderState.EXPIRED, None),
        (DAYS[7], OrderState.DENIED, "order_working"),
        (DAYS[12], OrderState.FILLED, None),
        (DAYS[15], OrderState.FILLED, None),
        (DAYS[15], OrderState.FILLED, None),
    ]


def test_a_venue_account_of_another_journal_is_found_out_each_time(scene, tmp_path):
    scene.execute()
    richer = MARKET.model_copy(update={"execution": ExecutionSettings(initial_cash=Decimal(200_000))})
    with Scene(f"sqlite:///{tmp_path / 'j2.sqlite'}", scene.venue_url, market=richer) as other:
        for _ in range(2):
            with pytest.raises(VenueMismatchError, match="use the journal that belongs to this venue account"):
                other.execute()
        states = {record.state for record in other.ledger().orders.values()}
        assert states == {OrderState.SENDING, OrderState.DENIED}
        assert other.journal_fills() == {}


@pytest.mark.parametrize("change", [{"symbol": "ZZZ"}, {"side": Side.SELL}, {"quantity": Decimal(2)}])
def test_an_order_that_the_venue_holds_with_other_terms_is_not_adopted(tmp_path, change):
    world = World(tmp_path / "journal.sqlite")
    world.venue.faults = ["lost_answer"]
    with (
        patch.object(HostileVenue, "query", lambda venue, order: hold(venue, order, change)),
        pytest.raises(VenueMismatchError, match=r"the journal says buy 1\.0{8} AAA, the venue holds"),
    ):
        world.run([approved()])
    assert world.kinds() == ["INTENT", "SENDING", "UNKNOWN"]
    world.run([approved()])
    assert world.kinds() == ["INTENT", "SENDING", "UNKNOWN", "ACK"]


def hold(venue, order, change):
    held = venue.accepted[0][1]
    terms = {"symbol": held.symbol, "side": held.side, "quantity": held.quantity, **change}
    return VenueOrder(order, "v", "filled", **terms)


def test_an_id_that_is_taken_stops_the_run_and_is_no_rejection(tmp_path):
    world = World(tmp_path / "journal.sqlite")
    world.venue.place = lambda _order, _deadline: Reject(DUPLICATE_ID)
    with pytest.raises(VenueMismatchError, match="an order with other terms under this id"):
        world.run([approved()])
    assert world.kinds() == ["INTENT", "SENDING"]


def test_a_live_order_that_is_sent_late_does_not_fill_at_an_open_that_was_past(scene):
    """Bars and signals of sessions 3 to 5 are there at once, in the evening of session 5."""
    wishes, now = wishing(scene.bars, {("AAA", 3): 0.5}), decision(DAYS[5])
    scene.execute(wishes, until(scene.bars, 5), now=now)
    (record,) = scene.ledger().orders.values()
    assert (record.state, record.order.fills_from) == (OrderState.ACK, now)
    scene.execute(wishes.clear(), after(until(scene.bars, 6), 5), now=decision(DAYS[6]))
    (record,) = scene.ledger().orders.values()
    assert [fill["session"] for fill in record.fills.values()] == [DAYS[6].isoformat()]

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.execution.hostile import FAULTS, Clock, HostileVenue
from tests.execution.test_ids import INTENT
from tradepipe.costs import round_trip_cost_bps
from tradepipe.execution.decisions import Decision, Sizing
from tradepipe.execution.entries import answer_entry
from tradepipe.execution.errors import (
    DuplicateEntryError,
    LeaseLostError,
    UnknownOrderError,
    VenueUnreachableError,
)
from tradepipe.execution.gateway import MAX_ROUNDS, Context, Gateway
from tradepipe.execution.journal import Journal
from tradepipe.execution.ledger import Ledger
from tradepipe.execution.model import Fill, OrderState, Side
from tradepipe.execution.venues import FillReport
from tradepipe.settings.models import CostSettings

ZERO, ONE = Decimal(0), Decimal(1)


def approved(symbol="AAA", **more):
    intent = replace(INTENT, symbol=symbol, **more)
    sizing = Sizing(Decimal(1000), ZERO, ZERO, ONE, ONE)
    return Decision(intent, "approved", round_trip_cost_bps(CostSettings()), ONE, sizing)


class World:
    """A journal, a hostile venue and gateways that come and go."""

    def __init__(self, path, faults=(), query_faults=(), kind=Gateway):
        self.clock, self.kind = Clock(), kind
        self.venue = HostileVenue(self.clock, list(faults), list(query_faults))
        self.journal = Journal.open(f"sqlite:///{path}", self.clock)

    def gateway(self, **more):
        context = Context(run_id="run", clock=self.clock, sleep=self.clock.sleep, **more)
        return self.kind(self.journal, self.ledger(), self.venue, context)

    def ledger(self):
        return Ledger.load(self.journal, INTENT.market, INTENT.account)

    def run(self, decisions, **more):
        """One run, as `execute` makes them: what is journaled is recovered, the rest is submitted."""
        gateway = self.gateway(**more)
        gateway.recover()
        gateway.submit([one for one in decisions if one.intent.client_order_id not in gateway.ledger.orders])
        gateway.flush()

    def run_until_done(self, decisions):
        for _ in range(20):
            try:
                self.run(decisions)
            except VenueUnreachableError:
                continue
            return
        pytest.fail("never done")

    def kinds(self):
        return [row.entry.kind for row in self.journal.rows()]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "journal.sqlite")
    yield made
    made.journal.close()


def test_rows_are_committed_before_the_wire(world):
    seen = []
    place = world.venue.place

    def looking(order, deadline):
        rows = list(world.journal.rows(client_order_id=order.client_order_id))
        seen.append([row.entry.kind for row in rows])
        return place(order, deadline)

    world.venue.place = looking
    world.run([approved("AAA"), approved("BBB")])
    assert seen == [["INTENT", "SENDING"]] * 2
    assert world.kinds() == ["INTENT", "INTENT", "SENDING", "SENDING", "ACK", "ACK"]


def test_each_step_of_the_protocol_is_on_disk_before_the_next(world):
    on_disk = {}
    world.run([approved()], checkpoint=lambda point: on_disk.update({point: world.kinds()}))
    assert on_disk == {
        "intent_recorded": [],
        "intent_committed": ["INTENT"],
        "sending_committed": ["INTENT", "SENDING"],
        "venue_answered": ["INTENT", "SENDING"],
        "answers_recorded": ["INTENT", "SENDING"],
    }
    assert world.kinds() == ["INTENT", "SENDING", "ACK"]


def test_a_lost_answer_is_unknown_and_then_adopted(world):
    world.venue.faults = ["lost_answer"]
    world.run([approved()])
    assert world.kinds() == ["INTENT", "SENDING", "UNKNOWN", "ACK"]
    assert len(world.venue.accepted) == 1


def test_a_lost_request_is_sent_again_under_the_same_id(world):
    world.venue.faults = ["lost_request"]
    world.run([approved()])
    assert world.kinds() == ["INTENT", "SENDING", "UNKNOWN", "SENDING", "ACK"]
    assert [order.client_order_id for _, order in world.venue.accepted] == [approved().intent.client_order_id]


def test_a_late_accept_is_waited_for(world):
    world.venue.faults = ["late_accept"]
    world.run([approved()])
    assert world.kinds() == ["INTENT", "SENDING", "UNKNOWN", "ACK"]
    assert len(world.venue.accepted) == 1


def test_a_rejection_is_final(world):
    world.venue.faults = ["reject"]
    world.run([approved()])
    world.run([approved()])
    assert world.kinds() == ["INTENT", "SENDING", "REJECTED"]
    assert world.ledger().orders[approved().intent.client_order_id].reason == "insufficient_margin"


def test_a_silent_venue_leaves_the_order_unknown_and_stops_the_run(world):
    world.venue.faults, world.venue.query_faults = ["lost_answer"], [True] * MAX_ROUNDS
    with pytest.raises(VenueUnreachableError, match="stays UNKNOWN"):
        world.run([approved()])
    assert world.ledger().working()[0].state is OrderState.UNKNOWN
    world.run([approved()])
    assert world.ledger().working()[0].state is OrderState.ACK
    assert len(world.venue.accepted) == 1


def test_an_unsent_order_that_is_too_old_expires(world):
    gateway = world.gateway()
    with patch.object(Gateway, "_send"):
        gateway.submit([approved()])
        gateway.flush()
    assert world.gateway(now=INTENT.expires_at).recover() == 1
    assert world.kinds() == ["INTENT", "EXPIRED"]
    assert world.venue.accepted == []


def test_an_unknown_order_that_is_too_old_expires_only_when_it_is_not_at_the_venue(world):
    world.venue.faults, world.venue.query_faults = ["lost_request", "lost_answer"], [True] * 2 * MAX_ROUNDS
    for symbol in ("AAA", "BBB"):
        with pytest.raises(VenueUnreachableError):
            world.gateway().submit([approved(symbol)])
    world.gateway(now=INTENT.expires_at).recover()
    states = {record.symbol: record.state for record in world.ledger().orders.values()}
    assert states == {"AAA": OrderState.EXPIRED, "BBB": OrderState.ACK}


def test_two_gateways_without_a_lease_send_once(world):
    first, second = world.gateway(), world.gateway()
    first.submit([approved()])
    with pytest.raises(DuplicateEntryError):
        second.submit([approved()])
    assert len(world.venue.accepted) == 1


def test_two_gateways_that_both_resolve_send_once(world):
    world.venue.faults, world.venue.query_faults = ["lost_request"], [True] * MAX_ROUNDS
    with pytest.raises(VenueUnreachableError):
        world.run([approved()])
    first, second = world.gateway(), world.gateway()
    first._begin_sending([approved().intent.client_order_id])
    with pytest.raises(DuplicateEntryError):
        second.recover()
    assert world.venue.accepted == []


def test_nothing_is_sent_without_the_lease(world):
    def lost():
        raise LeaseLostError("m/a")

    with pytest.raises(LeaseLostError):
        world.gateway(still_held=lost).submit([approved()])
    assert world.venue.accepted == []


def test_nothing_is_sent_when_the_journal_cannot_be_written(world):
    gateway = world.gateway()
    with (
        patch.object(Journal, "append", side_effect=OSError("database or disk is full")),
        pytest.raises(OSError, match="disk is full"),
    ):
        gateway.submit([approved()])
    assert world.venue.accepted == []


def test_a_report_of_an_order_that_the_journal_does_not_know_stops_the_run(world):
    fill = Fill("hostile", "f", "tpx", "AAA", INTENT.session, INTENT.decided_at, Side.BUY, ONE, ONE, ZERO, ZERO)
    world.venue.reports_since = lambda _sequence: [FillReport(1, fill)]
    with pytest.raises(UnknownOrderError, match="tpx"):
        world.gateway().collect(INTENT.session)


def test_reports_of_later_sessions_wait(world):
    world.run([approved()])
    tomorrow = INTENT.session + dt.timedelta(days=1)
    order = approved().intent.client_order_id
    fill = Fill("hostile", "f", order, "AAA", tomorrow, INTENT.decided_at, Side.BUY, ONE, ONE, ZERO, ZERO)
    world.venue.reports_since = lambda sequence: [FillReport(1, fill)] if sequence < 1 else []
    gateway = world.gateway()
    assert gateway.collect(INTENT.session) == 0
    assert gateway.collect(tomorrow) == 1
    assert gateway.collect(tomorrow) == 0
    assert gateway.ledger.orders[order].state is OrderState.FILLED


# What must hold whatever the venue does, and three strategies for which it does not.

SYMBOLS = ("AAA", "BBB", "CCC")
SCRIPTS = st.lists(st.sampled_from(FAULTS), max_size=12)
QUERY_SCRIPTS = st.lists(st.booleans(), max_size=12)


class ResendsWithoutQuery(Gateway):
    """Mutant: on an error the same id is sent again at once."""

    def _settle(self, order):
        for _ in range(MAX_ROUNDS):
            self._begin_sending([order])
            if self._attempt(order):
                return


class SendsUnderNewId(Gateway):
    """Mutant: on an error the order is sent again at once under a new id."""

    def _settle(self, order):
        record = self.ledger.orders[order]
        for retry in range(MAX_ROUNDS):
            renamed = replace(record.order, client_order_id=f"tp{retry:026d}")
            try:
                answer = self._venue.place(renamed, self.context.clock() + self._venue.receive_window)
            except OSError:
                continue
            self.record([answer_entry(record, answer)])
            return


class DoesNotWait(Gateway):
    """Mutant: queries before it sends again, but not after the deadline only."""

    def _wait_for(self, deadline):
        del deadline


def doubled_or_missing(folder, faults, query_faults, kind=Gateway):
    """Decisions with other than one order at the venue; a rejected one may have none."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.sqlite"
    world = World(path, faults, query_faults, kind)
    decisions = [approved(symbol) for symbol in SYMBOLS]
    world.run_until_done(decisions)
    world.run_until_done(decisions)
    placed = world.venue.placed((one.intent.symbol, one.intent.decided_at) for one in decisions)
    orders = world.ledger().orders
    assert world.journal.verify().ok
    world.journal.close()
    rejected = [orders[one.intent.client_order_id].state is OrderState.REJECTED for one in decisions]
    return [count for count, refused in zip(placed, rejected, strict=True) if count != (0 if refused else 1)]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCRIPTS, QUERY_SCRIPTS)
def test_whatever_the_venue_does_every_decision_has_exactly_one_order(tmp_path, faults, query_faults):
    assert doubled_or_missing(tmp_path / "true", faults, query_faults) == []


@pytest.mark.parametrize(
    ("mutant", "faults"),
    [
        (ResendsWithoutQuery, ["lost_answer"]),
        (SendsUnderNewId, ["lost_answer"]),
        (DoesNotWait, ["late_accept"]),
    ],
)
def test_the_property_catches_strategies_that_lose_money(tmp_path, mutant, faults):
    assert doubled_or_missing(tmp_path / "mutant", faults, [], mutant) == [2]
    assert doubled_or_missing(tmp_path / "true", faults, []) == []

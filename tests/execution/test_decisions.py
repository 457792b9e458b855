from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.execution.test_ids import INTENT, MOMENT
from tradepipe.execution.decisions import Rules, Standing, decide
from tradepipe.execution.model import Intent
from tradepipe.portfolio import Account, MissingMarkError, Position
from tradepipe.settings.models import CostSettings, RiskSettings

RULES = Rules(CostSettings(), RiskSettings(), {"AAA": Decimal(1), "BBB": Decimal("0.1"), "CCC": Decimal(10)})
PRICES = {"AAA": Decimal(100), "BBB": Decimal(50), "CCC": Decimal(20)}


def wish(symbol, weight, edge="50", **more) -> Intent:
    changes = {"symbol": symbol, "target_weight": Decimal(weight), "edge_bps": Decimal(edge)}
    return replace(INTENT, **{"reference_price": PRICES[symbol], **changes, **more})


def standing(cash="100000", positions=None, pending=None, clock=None, now=MOMENT, working=()):
    held = {symbol: Position(Decimal(quantity), Decimal(0)) for symbol, quantity in (positions or {}).items()}
    waiting = {symbol: Decimal(quantity) for symbol, quantity in (pending or {}).items()}
    return Standing(Account(Decimal(cash), held), waiting, PRICES, clock, now, frozenset(working))


def outcome(intents, state=None, rules=RULES):
    return [
        (one.intent.symbol, one.intent.leg, one.code, one.quantity)
        for one in decide(intents, state or standing(), rules)
    ]


def test_the_size_is_weight_times_equity_over_price_in_whole_lots():
    assert outcome([wish("AAA", "0.33333")]) == [("AAA", 0, "approved", 333)]
    assert outcome([wish("CCC", "0.33333")]) == [("CCC", 0, "approved", 1660)]
    assert outcome([wish("AAA", "-0.33333")]) == [("AAA", 0, "approved", -333)]


def test_what_is_held_and_what_is_on_its_way_count():
    state = standing("70000", {"AAA": 300}, {"AAA": 100})
    assert outcome([wish("AAA", "0.5")], state) == [("AAA", 0, "approved", 100)]
    (decision,) = decide([wish("AAA", "0.5")], state, RULES)
    assert (decision.sizing.equity, decision.sizing.position, decision.sizing.pending, decision.sizing.target) == (
        100_000,
        300,
        100,
        500,
    )


@pytest.mark.parametrize(
    ("intent", "state", "code", "quantity"),
    [
        (wish("AAA", "0"), standing(), "nothing_to_do", 0),
        (wish("AAA", "0.0009"), standing(), "nothing_to_do", 0),
        (wish("AAA", "0.5", "3.9"), standing(), "edge_below_cost", 500),
        (wish("AAA", "0.04"), standing(), "below_min_trade", 40),
        (wish("AAA", "0.7"), standing(), "symbol_limit", 700),
        (wish("AAA", "0.5"), standing("40000", {"BBB": 1200}), "gross_limit", 500),
        (wish("AAA", "0.5"), standing(clock=INTENT.session), "late", 0),
        (wish("AAA", "0.5"), standing(now=INTENT.expires_at), "expired", 0),
        (wish("AAA", "0"), standing(pending={"AAA": 500}, working={"AAA"}), "order_working", 0),
        (wish("AAA", "0.5"), standing(working={"BBB"}), "approved", 500),
        (wish("AAA", "0.5"), standing("-1"), "no_equity", 0),
        (wish("AAA", "0", "-9"), standing("-100000", {"AAA": 500}), "approved", -500),
        (wish("AAA", "0", "-9"), standing(positions={"AAA": 3}), "approved", -3),
        (wish("AAA", "0.6", "-9"), standing("0", {"AAA": 1000}), "approved", -400),
    ],
)
def test_one_intent(intent, state, code, quantity):
    assert outcome([intent], state) == [("AAA", 0, code, quantity)]


def test_an_order_limit_denies_instead_of_clipping():
    rules = Rules(CostSettings(), RiskSettings(max_order_notional=Decimal(49_999)), RULES.lots)
    assert outcome([wish("AAA", "0.5")], rules=rules) == [("AAA", 0, "order_notional_limit", 500)]


def test_orders_of_one_moment_see_each_other_in_alphabetical_order():
    wishes = [wish("CCC", "0.4"), wish("BBB", "0.4"), wish("AAA", "0.4")]
    expected = [("AAA", 0, "approved", 400), ("BBB", 0, "approved", 800), ("CCC", 0, "gross_limit", 2000)]
    assert outcome(wishes) == outcome(wishes[::-1]) == expected


@pytest.mark.parametrize(("leaving", "entering"), [("AAA", "BBB"), ("BBB", "AAA")])
def test_room_that_one_symbol_gives_up_is_there_for_another_whatever_their_names(leaving, entering):
    quantity = {"AAA": 600, "BBB": 1200}
    state = standing("40000", {leaving: quantity[leaving]})
    decisions = outcome([wish(leaving, "0.1"), wish(entering, "0.6")], state)
    assert decisions == [
        (leaving, 0, "approved", -quantity[leaving] * 5 // 6),
        (entering, 0, "approved", quantity[entering]),
    ]


@pytest.mark.parametrize(("turning", "entering"), [("AAA", "BBB"), ("BBB", "AAA")])
def test_a_turn_gives_up_its_old_side_before_others_grow(turning, entering):
    quantity = {"AAA": 600, "BBB": 1200}
    state = standing("40000", {turning: quantity[turning]})
    decisions = outcome([wish(turning, "-0.4"), wish(entering, "0.6")], state)
    opened = [(turning, 1, "approved", -quantity[turning] * 2 // 3), (entering, 0, "approved", quantity[entering])]
    assert decisions == [(turning, 0, "approved", -quantity[turning]), *sorted(opened)]


def test_two_strategies_for_one_symbol_do_not_add_up():
    wishes = [wish("AAA", "0.4", strategy="one"), wish("AAA", "0.5", strategy="two")]
    assert outcome(wishes) == [("AAA", 0, "approved", 400), ("AAA", 0, "approved", 100)]


def test_a_turn_closes_first_and_opens_in_a_second_leg():
    state = standing("50000", {"AAA": 500})
    decisions = decide([wish("AAA", "-0.3")], state, RULES)
    assert [(one.intent.leg, one.code, one.quantity) for one in decisions] == [
        (0, "approved", -500),
        (1, "approved", -300),
    ]
    assert decisions[0].intent.client_order_id != decisions[1].intent.client_order_id
    assert decisions[1].sizing.pending == -500


def test_a_turn_without_edge_still_closes():
    state = standing("50000", {"AAA": 500})
    assert outcome([wish("AAA", "-0.3", "1")], state) == [
        ("AAA", 0, "approved", -500),
        ("AAA", 1, "edge_below_cost", -300),
    ]


def test_the_verdicts_and_their_numbers_are_told_as_text():
    (decision,) = decide([wish("AAA", "0.5")], standing(), RULES)
    told = decision.payload()
    assert told["cost"]["required_edge_bps"] == "4.00000000"
    assert told["risk"]["symbol_exposure"] == "50000.00000000"
    assert told["sizing"]["equity"] == "100000.00000000"
    assert (told["code"], told["quantity"], told["cost_bps"]) == ("approved", "500.00000000", "4.00000000")


def test_an_open_position_without_a_price_stops_everything():
    state = replace(standing(positions={"BBB": 1}), marks={"AAA": Decimal(100)})
    with pytest.raises(MissingMarkError, match="BBB"):
        decide([wish("AAA", "0.5")], state, RULES)


WEIGHTS = st.decimals(min_value=-1, max_value=1, places=3)
QUANTITIES = st.integers(-900, 900).map(lambda number: number * 10)


@given(
    st.fixed_dictionaries({"AAA": WEIGHTS, "BBB": WEIGHTS, "CCC": WEIGHTS}),
    st.fixed_dictionaries({}, optional={"AAA": QUANTITIES, "BBB": QUANTITIES, "CCC": QUANTITIES}),
    st.fixed_dictionaries({}, optional={"AAA": QUANTITIES, "BBB": QUANTITIES}),
    st.integers(-20, 40),
)
def test_approved_orders_together_keep_the_limits_unless_each_reduces(weights, positions, pending, edge):
    state = standing("200000", positions, pending)
    decisions = decide([wish(symbol, weight, str(edge)) for symbol, weight in weights.items()], state, RULES)
    held = {symbol: state.account.position(symbol).quantity + state.pending.get(symbol, 0) for symbol in PRICES}
    equity = state.account.equity(PRICES)
    for one in decisions:
        if not one.approved:
            continue
        symbol = one.intent.symbol
        before, after = held[symbol], held[symbol] + one.quantity
        held[symbol] = after
        assert one.quantity % RULES.lots[symbol] == 0
        assert before * after >= 0
        if abs(after) > abs(before):
            assert edge >= 4
            assert abs(after) * PRICES[symbol] <= Decimal("0.6") * equity
            assert sum(abs(quantity) * PRICES[name] for name, quantity in held.items()) <= equity
    assert {one.intent.symbol for one in decisions} == set(weights)

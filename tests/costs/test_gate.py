import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.costs import cost_gate, round_trip_cost_bps
from tradepipe.settings.models import CostSettings

SETTINGS = CostSettings(
    fee_bps=Decimal(1), slippage_bps=Decimal("1.5"), min_edge_over_cost=Decimal(2), min_trade_weight=Decimal("0.05")
)
AMOUNTS = st.decimals(min_value=-2000, max_value=2000, places=2)


def judge(before, after, edge="10", equity="1000"):
    return cost_gate(
        SETTINGS, edge_bps=Decimal(edge), before=Decimal(before), after=Decimal(after), equity=Decimal(equity)
    )


def test_a_round_trip_pays_fee_and_slippage_twice():
    assert round_trip_cost_bps(SETTINGS) == 5


@pytest.mark.parametrize(
    ("before", "after", "edge", "code"),
    [
        ("0", "100", "10", "ok"),  # exactly twice the cost
        ("0", "100", "9.99999999", "edge_below_cost"),
        ("0", "-100", "9", "edge_below_cost"),
        ("100", "200", "9", "edge_below_cost"),
        ("200", "100", "-50", "ok"),  # a reduction needs no edge
        ("200", "-100", "9", "edge_below_cost"),  # a turn opens a new position
        ("0", "50", "10", "ok"),  # exactly the smallest trade
        ("0", "49.99", "10", "below_min_trade"),
        ("200", "160", "10", "below_min_trade"),
        ("20", "0", "-50", "ok"),  # closing is never too small
        ("0", "49", "0", "below_min_trade"),
    ],
)
def test_verdicts(before, after, edge, code):
    verdict = judge(before, after, edge)
    assert verdict.code == code
    assert verdict.passed == (code == "ok")


def test_the_verdict_carries_its_numbers():
    verdict = judge("100", "40", "3")
    assert (verdict.edge_bps, verdict.cost_bps, verdict.required_edge_bps) == (3, 5, 10)
    assert (verdict.change, verdict.min_change) == (60, 50)


@given(AMOUNTS, AMOUNTS, st.decimals(min_value=-100, max_value=100, places=3))
def test_nothing_that_grows_an_exposure_passes_without_its_edge(before, after, edge):
    verdict = judge(before, after, edge)
    grows = abs(after) > abs(before) or before * after < 0
    if verdict.passed and grows:
        assert edge >= 10
    if after == 0:
        assert verdict.passed


@pytest.mark.parametrize("digits", [4, 12])
def test_the_threads_decimal_context_changes_no_verdict(digits):
    expected = judge("123456789.12", "123456790.12", "9.99999999", "123456789.12345678")
    with decimal.localcontext(prec=digits):
        assert judge("123456789.12", "123456790.12", "9.99999999", "123456789.12345678") == expected

import decimal
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.portfolio import QUANTUM, from_float, in_bps, money_text, product, quantise, to_lot
from tradepipe.portfolio.money import share


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1, "0.10000000"),
        (0.1 + 0.2, "0.30000000"),
        (1469.25, "1469.25000000"),
        (-0.0, "0.00000000"),
        (1e-9, "0.00000000"),
    ],
)
def test_a_float_becomes_its_shortest_decimal_to_eight_places(value, expected):
    assert money_text(from_float(value)) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_money(value):
    with pytest.raises(ValueError, match="finite number is expected"):
        from_float(value)


def test_equal_amounts_have_one_text():
    assert {money_text(Decimal(text)) for text in ("1.5", "1.50", "15E-1", "1.500000000000")} == {"1.50000000"}
    assert money_text(Decimal("-0.000000001")) == "0.00000000"


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=8),
    st.sampled_from([Decimal(1), Decimal("0.001"), Decimal("0.00000001"), Decimal(100), Decimal("0.3")]),
)
def test_lots_are_whole_and_never_exceed_the_quantity(quantity, lot):
    rounded = to_lot(quantity, lot)
    assert rounded % lot == 0
    assert abs(rounded) <= abs(quantity)
    assert abs(quantity - rounded) < lot
    assert rounded * quantity >= 0


def test_a_lot_must_be_positive():
    with pytest.raises(ValueError, match="lot 0 is not positive"):
        to_lot(Decimal(1), Decimal(0))


def test_amounts_do_not_depend_on_the_context_of_the_thread():
    with decimal.localcontext(decimal.Context(prec=3)):
        assert product(Decimal("1234.5678"), Decimal("2.5")) == Decimal("3086.4195")
        assert in_bps(Decimal("123456.78"), Decimal("1.5")) == Decimal("18.51851700")
        assert share(Decimal(10), Decimal(1), Decimal(3)) == Decimal("3.33333333")


def test_rounding_is_to_eight_places_ties_to_even():
    assert quantise(Decimal("0.000000005")) == 0
    assert quantise(Decimal("0.000000015")) == 2 * QUANTUM

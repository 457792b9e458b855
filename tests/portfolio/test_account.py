from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.portfolio import Account, MissingMarkError, Position, product

PRICES = st.decimals(min_value=Decimal("0.01"), max_value=10_000, places=4)
FILLS = st.lists(
    st.tuples(
        st.sampled_from(["AAA", "BBB", "CCC"]),
        st.decimals(min_value=-1000, max_value=1000, places=3).filter(bool),
        PRICES,
        st.decimals(min_value=0, max_value=50, places=8),
    ),
    max_size=30,
)


def fold(cash, fills):
    account = Account(cash)
    for symbol, quantity, price, fee in fills:
        account = account.after(symbol, quantity, price, fee)
    return account


@given(FILLS, st.fixed_dictionaries({"AAA": PRICES, "BBB": PRICES, "CCC": PRICES}))
def test_equity_is_initial_cash_plus_profit_less_fees_to_the_last_place(fills, marks):
    cash = Decimal(1_000_000)
    account = fold(cash, fills)
    realised = sum(position.realised_pnl for position in account.positions.values())
    unrealised = sum(position.unrealised_pnl(marks[symbol]) for symbol, position in account.positions.items())
    fees = sum(position.fees for position in account.positions.values())
    assert fees == sum(fee for *_, fee in fills)
    assert account.equity(marks) == cash + realised + unrealised - fees


@given(FILLS, PRICES)
def test_flat_at_the_end_leaves_cash_with_realised_profit_less_fees(fills, price):
    account = fold(Decimal(1000), fills)
    for symbol in list(account.open_symbols()):
        account = account.after(symbol, -account.position(symbol).quantity, price, Decimal(0))
    assert list(account.open_symbols()) == []
    assert all(position.basis == 0 and position.average_price == 0 for position in account.positions.values())
    realised = sum(position.realised_pnl for position in account.positions.values())
    fees = sum(position.fees for position in account.positions.values())
    assert account.cash == account.equity({}) == 1000 + realised - fees


@given(FILLS)
def test_quantity_is_the_sum_of_fills(fills):
    account = fold(Decimal(0), fills)
    for symbol in ("AAA", "BBB", "CCC"):
        assert account.position(symbol).quantity == sum(fill[1] for fill in fills if fill[0] == symbol)


def test_a_worked_example_with_a_turn_through_zero():
    account = Account(Decimal(10_000))
    account = account.after("AAA", Decimal(10), Decimal(100), Decimal(1))
    account = account.after("AAA", Decimal(10), Decimal(110), Decimal(1))
    assert account.position("AAA").average_price == Decimal(105)
    account = account.after("AAA", Decimal(-5), Decimal(120), Decimal(1))
    assert account.position("AAA").realised_pnl == Decimal(75)
    account = account.after("AAA", Decimal(-25), Decimal(90), Decimal(1))
    short = account.position("AAA")
    assert (short.quantity, short.average_price, short.realised_pnl) == (Decimal(-10), Decimal(90), Decimal(75 - 225))
    assert short.unrealised_pnl(Decimal(80)) == Decimal(100)
    assert short.exposure(Decimal(80)) == Decimal(-800)
    assert account.equity({"AAA": Decimal(80)}) == Decimal(10_000 + 75 - 225 + 100 - 4)


def test_an_open_position_without_a_price_is_an_error_that_names_it():
    account = Account(Decimal(0), {"AAA": Position(), "BBB": Position(Decimal(1), Decimal(5))})
    with pytest.raises(MissingMarkError, match="no mark price for BBB"):
        account.equity({"AAA": Decimal(1)})


def test_a_fill_leaves_the_account_before_it_as_it_was():
    before = Account(Decimal(100))
    after = before.after("AAA", Decimal(1), Decimal(10), Decimal(0))
    assert before == Account(Decimal(100))
    assert after.cash == 90
    assert product(after.position("AAA").quantity, Decimal(2)) == 2


def test_the_threads_decimal_context_changes_no_amount():
    def traded():
        account = Account(Decimal("1234567.12345678"))
        for quantity in ("1000.5", "-300.25", "-1200.125", "700.0625"):
            account = account.after("AAA", Decimal(quantity), Decimal("98.76543211"), Decimal("1.23456789"))
        position = account.position("AAA")
        return account, position.average_price, position.unrealised_pnl(Decimal("101.23456789"))

    expected = traded()
    with localcontext(prec=4):
        assert traded() == expected

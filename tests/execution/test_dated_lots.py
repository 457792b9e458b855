"""The quantity step of an order is the one of its session."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.execution import scenes
from tests.execution.test_decisions import RULES, outcome, wish
from tests.execution.test_ids import INTENT
from tradepipe.markets import Instrument
from tradepipe.markets.universe import TradingRules

DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(("ahead", "quantity"), [(1, 333), (0, 330), (-1, 330)])
def test_a_decision_uses_the_lot_of_its_session(ahead, quantity):
    rules = replace(
        RULES,
        lot_changes={"AAA": [(INTENT.session - 30 * DAY, Decimal(1)), (INTENT.session + ahead * DAY, Decimal(10))]},
    )
    assert outcome([wish("AAA", "0.33333")], rules=rules) == [("AAA", 0, "approved", quantity)]


def test_orders_before_and_after_a_change_of_lots(tmp_path):
    changed = scenes.FIRST + 20 * DAY
    listed = [
        Instrument(
            symbol=symbol, name=symbol, lot="0.01", tick="0.01",
            rule_changes=(TradingRules(start=changed, lot=Decimal(50), tick=Decimal("0.01")),),
        )
        for symbol in scenes.SYMBOLS
    ]  # fmt: skip
    with scenes.Scene(f"sqlite:///{tmp_path}/journal.sqlite", f"sqlite:///{tmp_path}/venue.sqlite") as scene:
        scene.execute(instruments=listed)
        orders = [
            (record.session, record.quantity)
            for record in scene.ledger().orders.values()
            if record.quantity is not None
        ]
    before = [quantity for session, quantity in orders if session < changed]
    after = [quantity for session, quantity in orders if session >= changed]
    assert any(quantity % 50 for quantity in before)
    assert any(after)
    assert not any(quantity % 50 for quantity in after)

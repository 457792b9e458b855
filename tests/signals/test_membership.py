import datetime as dt

import polars as pl
from polars.testing import assert_frame_equal

from tests.signals.test_signals import forecast, frame
from tradepipe.contracts import SIGNALS, validate
from tradepipe.markets import Instrument, Universe
from tradepipe.markets.universe import Spell
from tradepipe.settings.models import StrategySettings
from tradepipe.signals import compute_signals, within_membership

DAYS = [dt.date(2020, 1, 2) + dt.timedelta(days=day) for day in range(6)]


def universe(**members):
    listed = [
        Instrument(symbol=symbol, name=symbol, lot="1", tick="1", member=spells) for symbol, spells in members.items()
    ]
    return Universe(name="u", version="1.0.0", instruments=tuple(listed))


def wanted():
    forecasts = frame(*(forecast(0.002, symbol=symbol, day=day) for symbol in ("AAA", "BBB") for day in range(6)))
    return compute_signals(forecasts, StrategySettings())


def test_no_position_is_wanted_outside_of_membership_and_nothing_else_changes():
    signals = wanted()
    spell = Spell(start=DAYS[1], end=DAYS[4])
    made = within_membership(signals, universe(AAA=(spell,), BBB=()))
    validate(made, SIGNALS, market="m", layer="signals", partition="-")
    zero = made.filter(pl.col("target_weight") == 0)
    assert zero.select("symbol", "session").rows() == [("AAA", DAYS[0]), ("AAA", DAYS[4]), ("AAA", DAYS[5])]
    assert set(zero["edge_bps"]) == {0.0}
    others = ["target_weight", "edge_bps"]
    assert_frame_equal(made.drop(others), signals.drop(others))
    assert_frame_equal(made.filter(symbol="BBB"), signals.filter(symbol="BBB"))


def test_a_universe_without_dates_changes_nothing():
    signals = wanted()
    assert within_membership(signals, universe(AAA=(), BBB=())) is signals


def test_what_happens_to_membership_later_changes_no_earlier_signal():
    signals = wanted()
    for cut, day in enumerate(DAYS):
        whole = within_membership(signals, universe(AAA=(Spell(start=DAYS[0], end=DAYS[3]),), BBB=()))
        # On that day nobody knew yet when the spell would end, unless it had.
        known = Spell(start=DAYS[0], end=DAYS[3] if cut >= 3 else None)
        until = within_membership(signals.filter(pl.col("session") <= day), universe(AAA=(known,), BBB=()))
        assert_frame_equal(until, whole.filter(pl.col("session") <= day))

import datetime as dt
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.execution.scenes import MARKET, lineage, make_bars, make_signals
from tradepipe.execution.ids import Identity, client_order_id
from tradepipe.execution.intents import intents_from
from tradepipe.execution.model import Intent, Route, SignalSource

MOMENT = dt.datetime(2018, 1, 5, 21, 30, tzinfo=dt.UTC)
IDENTITY = Identity(
    "paper", "paper", "us_indices", "forecast_over_volatility", "SP500", dt.date(2018, 1, 5), MOMENT, 0, 0
)
INTENT = Intent(
    market="us_indices",
    account="paper",
    venue="paper",
    strategy="forecast_over_volatility",
    symbol="SP500",
    session=dt.date(2018, 1, 5),
    decided_at=MOMENT,
    target_weight=Decimal("0.5"),
    edge_bps=Decimal(12),
    volatility_bps=Decimal(150),
    score=Decimal("0.1"),
    reference_price=Decimal("2743.15"),
    horizon=5,
    model="arma_garch",
    expires_at=MOMENT + dt.timedelta(days=5),
    known_at=MOMENT,
)
OTHER_IDENTITY = {
    "venue": "other",
    "account": "other",
    "market": "other",
    "strategy": "other",
    "symbol": "NASDAQ",
    "session": dt.date(2018, 1, 8),
    "decided_at": MOMENT + dt.timedelta(microseconds=1),
    "leg": 1,
    "revision": 1,
}
OTHER_CONTENT = {
    "target_weight": Decimal("-0.5"),
    "edge_bps": Decimal(13),
    "volatility_bps": Decimal(151),
    "score": Decimal("0.2"),
    "reference_price": Decimal("2743.16"),
    "horizon": 4,
    "model": "random_walk",
    "expires_at": MOMENT + dt.timedelta(days=6),
}


def test_an_id_never_changes_between_versions():
    # Orders in journals and at venues carry this id: a change of the scheme would order them again.
    assert client_order_id(IDENTITY) == "tpxajgc3kwab6s44phuvlulzwbym"
    assert INTENT.client_order_id == client_order_id(IDENTITY)


@given(
    st.builds(
        Identity,
        *[st.text(min_size=1)] * 5,
        st.dates(),
        st.datetimes(timezones=st.just(dt.UTC)),
        st.integers(0, 9),
        st.integers(0, 9),
    )
)
def test_an_id_has_28_letters_and_digits(identity):
    assert re.fullmatch("tp[a-z2-7]{26}", client_order_id(identity))


@pytest.mark.parametrize("field", OTHER_IDENTITY)
def test_every_part_of_the_identity_makes_another_id(field):
    assert set(OTHER_IDENTITY) == set(Identity._fields)
    changed = IDENTITY._replace(**{field: OTHER_IDENTITY[field]})
    assert client_order_id(changed) != client_order_id(IDENTITY)


@pytest.mark.parametrize("field", OTHER_CONTENT)
def test_content_changes_the_hash_and_never_the_id(field):
    changed = replace(INTENT, **{field: OTHER_CONTENT[field]})
    assert changed.client_order_id == INTENT.client_order_id
    assert changed.content_hash != INTENT.content_hash


def test_where_and_when_it_was_read_is_no_content():
    moved = replace(INTENT, source=SignalSource("d", "p", 9, "c"), known_at=MOMENT - dt.timedelta(hours=1))
    assert moved.content_hash == INTENT.content_hash
    assert set(INTENT.content) | {"source", "known_at"} == set(INTENT.__dataclass_fields__)


def test_equal_amounts_have_one_hash():
    assert replace(INTENT, edge_bps=Decimal("12.000")).content_hash == INTENT.content_hash


def test_the_same_moment_in_another_time_zone_is_the_same_decision():
    tokyo = dt.timezone(dt.timedelta(hours=9))
    assert client_order_id(IDENTITY._replace(decided_at=MOMENT.astimezone(tokyo))) == client_order_id(IDENTITY)


def test_intents_of_a_frame_are_grouped_in_order_of_time_and_carry_their_lineage():
    bars = make_bars()
    intents = intents_from(
        make_signals(bars).sample(fraction=1.0, shuffle=True, seed=1), Route("m", "a", "v"), lineage=lineage()
    )
    assert list(intents) == sorted(intents)
    every = [intent for times in intents.values() for some in times.values() for intent in some]
    assert len(every) == bars.height == len({intent.client_order_id for intent in every})
    assert all(intent.source == lineage()[intent.session] for intent in every)
    assert all(isinstance(intent.target_weight, Decimal) for intent in every)
    assert MARKET.name == "paper_town"

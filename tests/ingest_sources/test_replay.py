"""Stored bars played again: as events at a chosen speed, and into another market."""

import datetime as dt
import json
import random

import jsonschema
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest_sources.scenes import HOURS, START, ReplayScene, market_of
from tradepipe.ingest.sources import Landed, MarketEvent, SourceFailedError, market_event_schema, replay
from tradepipe.ingest.sources.stored import ReplaySource, landed_rows
from tradepipe.paths import source_checkout

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def scene(tmp_path):
    made = ReplayScene.of(3, tmp_path)
    yield made
    made.close()


@pytest.fixture
def market(scene):
    return market_of({"kind": "none"}, scene.symbols, name="played", source={"pattern": "played/*.csv"})


def test_events_come_by_close_time_then_symbol_and_all_of_them(scene, market):
    events = list(replay(scene.store, market, START, START + dt.timedelta(days=30)))
    assert len(events) == 3 * HOURS
    order = [(event.close_time, event.symbol) for event in events]
    assert order == sorted(order)
    stored = scene.store.read("played/bars").sort("close_time", "symbol")
    assert [event.close for event in events] == stored["close"].to_list()
    assert {event.source for event in events} == {"replay:played"}


def test_a_range_takes_what_closes_in_it(scene, market):
    first = START + dt.timedelta(days=1)
    events = list(replay(scene.store, market, first, first + 2 * HOUR))
    assert [event.close_time for event in events] == [first + HOUR] * 3 + [first + 2 * HOUR] * 3
    cuts = [(first + k * 5 * HOUR, first + (k + 1) * 5 * HOUR) for k in range(9)]
    parts = [event for low, high in cuts for event in replay(scene.store, market, low, high)]
    assert parts == list(replay(scene.store, market, first, first + 45 * HOUR))


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_time_goes_by_at_the_speed_that_was_asked_for(speed, scene, market):
    now, slept = [1000.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    played = replay(scene.store, market, START, START + 4 * HOUR, speed=speed, clock=lambda: now[0], sleep=sleep)
    told = [(now[0] - 1000.0, event.close_time) for event in played]
    assert told == [((at - START).total_seconds() / speed, at) for _, at in told]
    assert slept == [3600 / speed] * 4


def test_a_slow_listener_delays_and_loses_nothing(scene, market):
    now, slept = [0.0], []
    seen = []
    for event in replay(
        scene.store, market, START, START + 4 * HOUR, speed=1.0, clock=lambda: now[0], sleep=slept.append
    ):
        seen.append(event)
        now[0] += 7200  # two hours for each of three a bar
    assert len(seen) == 12
    assert slept == [3600.0]


def test_as_fast_as_it_goes_never_sleeps(scene, market):
    def never(_seconds):
        raise AssertionError

    assert len(list(replay(scene.store, market, START, START + 4 * HOUR, sleep=never))) == 12


@pytest.mark.parametrize(("first", "speed"), [(dt.datetime(2024, 1, 25), 0), (START, -1)])  # noqa: DTZ001
def test_a_range_without_zone_or_a_speed_backwards_is_refused(first, speed, scene, market):
    with pytest.raises(ValueError, match="aware times and a speed of 0 or more"):
        next(replay(scene.store, market, first, START + HOUR, speed=speed))


finite = st.floats(allow_nan=False, allow_infinity=False)
moments = st.datetimes(min_value=dt.datetime(1970, 1, 2), timezones=st.timezones())  # noqa: DTZ001


@given(st.text(min_size=1), moments, moments, finite, st.floats(0, allow_infinity=False), st.randoms())
def test_an_event_goes_through_json_and_comes_back(symbol, opened, closed, price, volume, chance: random.Random):
    opened, closed = opened.astimezone(dt.UTC), closed.astimezone(dt.UTC)
    interval = chance.choice(["1m", "5m", "15m", "1h", "4h", "1d"])
    event = MarketEvent(symbol, interval, opened, closed, price, price, price, price, volume, "binance")
    assert MarketEvent.from_json(event.to_json()) == event
    checker = jsonschema.Draft202012Validator(market_event_schema(), format_checker=jsonschema.FormatChecker())
    checker.validate(json.loads(event.to_json()))


def test_the_schema_in_the_docs_is_the_codes():
    kept = json.loads((source_checkout() / "docs/schemas/market_event.json").read_text())
    assert kept == market_event_schema()
    jsonschema.Draft202012Validator.check_schema(kept)


@pytest.mark.parametrize("change", [
    {"schema_version": 2}, {"more": 1}, {"open_time": "2024-01-01T00:00:00"}, {"volume": None},
])  # fmt: skip
def test_a_message_of_another_shape_is_refused(change, scene, market):
    event = next(replay(scene.store, market, START, START + HOUR))
    told = json.loads(event.to_json()) | change
    with pytest.raises((ValueError, TypeError)):
        MarketEvent.from_json(json.dumps(told))


def test_what_lands_reads_back_as_the_same_numbers(scene):
    stored = scene.store.read("played/bars")
    rows = landed_rows(stored)
    for name in ("open", "high", "low", "close", "volume"):
        assert rows.sort("symbol", "open_time")[name].cast(pl.Float64).equals(stored.sort("symbol", "open_time")[name])


@pytest.mark.slow
def test_a_market_without_bars_cannot_be_played(scene, tmp_path):
    source = ReplaySource(scene.market(market="never"), scene.store)
    with pytest.raises(SourceFailedError, match=r"the store has no never/bars. Remedy: name a market"):
        next(source.deliveries(Landed(tmp_path, "here")))

"""Marts of a market of minutes around the clock, in session partitions: what is due of the session under way."""

import datetime as dt

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.markets.building import build_market
from tradepipe.chain.mart_run import MartRun
from tradepipe.chain.marts import query, stale_marts
from tradepipe.contracts import BARS
from tradepipe.settings import WarehouseSettings
from tradepipe.warehouse import open_warehouse

DAYS = [dt.date(2024, 3, 30), dt.date(2024, 3, 31), dt.date(2024, 4, 1)]
KEYS = [str(day) for day in DAYS]
NAMES = ("symbol_sessions", "universe_coverage", "quality_scorecard", "daily_market_summary")
NOW = dt.datetime(2024, 4, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def minutes():
    changes = {"name": "minutes", "calendar": "24/7", "interval": "1m", "partition": "session"}
    return build_market(["A'B", "C"], **changes, start=DAYS[0], end=DAYS[-1], publication_delay=dt.timedelta(minutes=1))


def bars_of(market, until):
    """Every bar that is known by `until`, but ten minutes of C."""
    grid = market.calendar.grid(DAYS[0], DAYS[-1], "1m").with_columns(number=pl.int_range(pl.len()).cast(pl.Float64))
    symbols = pl.DataFrame({"symbol": market.universe.symbols})
    rows = symbols.join(grid, how="cross").with_columns(
        open=100 + pl.col("number") / 1000,
        high=102 + pl.col("number") / 1000,
        low=99 + pl.col("number") / 1000,
        close=101 + pl.col("number") / 1000,
        volume=pl.lit(2.0),
        interval=pl.lit("1m"),
        quality=pl.lit("ok"),
        known_at=pl.col("close_time") + pl.duration(minutes=1),
    )
    missing = (pl.col("symbol") == "C") & pl.col("number").is_between(100, 109)
    frame = BARS.arrange(rows.filter(~missing, pl.col("known_at") <= until).select(BARS.column_names))
    parts = frame.partition_by("session", as_dict=True)
    return {str(day): part for (day,), part in parts.items()}


def run(store, market, marts):
    for name in NAMES:
        one = MartRun(store, market, marts, name, KEYS)
        frame = one.compute(open_warehouse(WarehouseSettings()))
        assert one.findings(frame).get("no_stranger", {}) == {}
        one.publish(frame)


@pytest.mark.slow
def test_of_the_session_under_way_the_bars_are_expected_that_can_be_known(store, minutes, marts):
    store.publish("minutes/bars", bars_of(minutes, NOW), BARS, code_version="1", inputs={})
    run(store, minutes, marts)
    sessions = store.read("minutes/symbol_sessions").select("symbol", "session", "expected", "present")
    so_far = 12 * 60 - 1  # the bar that closes at noon is known a minute later
    assert sessions.filter(session=DAYS[2]).rows() == [("A'B", DAYS[2], so_far, so_far), ("C", DAYS[2], so_far, so_far)]
    assert sessions.filter(session=DAYS[0])["present"].to_list() == [1440, 1430]
    covered = store.read("minutes/universe_coverage").select("members", "covered", "complete", "strangers")
    assert covered.rows() == [(2, 2, 1, 0), (2, 2, 2, 0), (2, 2, 2, 0)]
    assert stale_marts(store.catalogue, minutes, {name: marts[name] for name in NAMES}, KEYS) == []


@pytest.mark.slow
def test_as_of_a_minute_is_what_was_computed_in_that_minute(store, minutes, marts):
    store.publish("minutes/bars", bars_of(minutes, NOW), BARS, code_version="1", inputs={})
    run(store, minutes, marts)
    then = {name: store.read(f"minutes/{name}") for name in NAMES if name != "quality_scorecard"}
    store.publish("minutes/bars", bars_of(minutes, NOW + dt.timedelta(days=2)), BARS, code_version="1", inputs={})
    run(store, minutes, marts)
    assert store.read("minutes/symbol_sessions").filter(session=DAYS[2])["expected"].to_list() == [1440, 1440]
    for name, expected in then.items():
        engine, later = open_warehouse(WarehouseSettings()), NOW + dt.timedelta(days=5)
        found = query(engine, store, minutes, marts, marts[name].sql, now=later, as_of=NOW)
        typed = found.select(pl.col(one).cast(dtype) for one, dtype in expected.schema.items())
        assert_frame_equal(typed.sort(marts[name].header.key), expected.sort(marts[name].header.key))

"""Dagster's partition keys are the market's own: sessions and nothing else, and the one under way."""

import datetime as dt

import dagster as dg
import pytest

from assets.partitions import mapping, partitions_of
from tradepipe.chain import LAYERS
from tradepipe.markets import Market
from tradepipe.settings import load_settings

NEW_YEAR = dt.datetime(2018, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def told():
    return load_settings(environ={}).markets["us_indices"]


@pytest.fixture
def sessions(told):
    """New York's sessions as partitions of minute bars."""
    return Market(
        told.model_copy(
            update={
                "partition": "session",
                "interval": "1m",
                "start": dt.date(2018, 1, 1),
                "end": dt.date(2018, 12, 31),
            }
        )
    )


def test_session_partitions_are_the_calendars_sessions(sessions):
    keys = partitions_of(sessions).get_partition_keys()
    assert keys == sessions.partitions.keys("2018-01-01", "2018-12-31")
    assert len(keys) == 251
    for closed in ("2018-01-01", "2018-07-04", "2018-12-05", "2018-12-25", "2018-03-03"):
        assert closed not in keys
    assert "2018-07-03" in keys  # a half day is a session


def test_excluded_days_are_no_valid_keys_and_a_range_steps_over_them(sessions):
    partitions = partitions_of(sessions)
    assert not partitions.has_partition_key("2018-07-04")
    across = partitions.get_partition_keys_in_range(dg.PartitionKeyRange("2018-07-03", "2018-07-06"))
    assert list(across) == ["2018-07-03", "2018-07-05", "2018-07-06"]


def test_a_market_that_still_trades_has_the_partition_under_way(told):
    now = dt.datetime(2024, 11, 12, 15, tzinfo=dt.UTC)
    month = Market(told.model_copy(update={"end": None}))
    assert partitions_of(month).get_partition_keys(current_time=now)[-1] == "2024-11"
    clock = Market(
        told.model_copy(
            update={
                "end": None,
                "calendar": "24/7",
                "timezone": "UTC",
                "partition": "session",
                "interval": "1m",
                "start": dt.date(2024, 11, 1),
            }
        )
    )
    keys = partitions_of(clock).get_partition_keys(current_time=now)
    assert keys[-1] == "2024-11-12"
    assert len(keys) == 12


def test_the_mapping_reaches_at_least_as_far_back_as_the_layer_reads(told):
    market = Market(told)
    partitions = partitions_of(market)
    pairs = [("indicators", "bars"), ("regimes", "bars"), ("forecast_scores", "forecasts"), ("forecast_scores", "bars")]
    pairs += [("member_forecasts", "indicators"), ("forecasts", "member_forecasts"), ("evaluations", "regimes")]
    for layer, read in pairs:
        reads = LAYERS[layer].input_partitions(market, ["2010-06", "2018-12"])[read]
        for key, wanted in reads.items():
            mapped = mapping(market, layer, read).get_upstream_mapped_partitions_result_for_partitions(
                partitions.subset_with_partition_keys([key]), partitions, partitions
            )
            assert set(wanted) <= set(mapped.partitions_subset.get_partition_keys())


def test_a_time_zone_that_is_not_the_calendars_is_refused(told):
    wrong = Market(told.model_copy(update={"timezone": "Europe/London"}))
    with pytest.raises(ValueError, match="calendar XNYS keeps America/New_York"):
        wrong.calendar.sessions(dt.date(2018, 1, 1), dt.date(2018, 1, 5))


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (dt.datetime(2024, 11, 12, 20, 59, tzinfo=dt.UTC), dt.date(2024, 11, 11)),  # before the close
        (dt.datetime(2024, 11, 12, 21, 30, tzinfo=dt.UTC), dt.date(2024, 11, 12)),  # known half an hour after it
        (dt.datetime(2024, 11, 29, 18, 30, tzinfo=dt.UTC), dt.date(2024, 11, 29)),  # a half day
        (dt.datetime(2024, 7, 12, 20, 30, tzinfo=dt.UTC), dt.date(2024, 7, 12)),  # daylight saving
        (dt.datetime(2024, 11, 17, 12, tzinfo=dt.UTC), dt.date(2024, 11, 15)),  # a Sunday
    ],
)
def test_the_schedule_asks_for_the_newest_session_that_can_be_known(told, now, newest):
    from sensors.schedules import newest_known_session

    assert newest_known_session(Market(told.model_copy(update={"end": None})), now) == newest


def test_the_schedule_of_a_market_that_has_ended_has_nothing_to_ask_for(told):
    from sensors.schedules import newest_known_session

    assert newest_known_session(Market(told), dt.datetime(2024, 11, 12, 22, tzinfo=dt.UTC)) is None

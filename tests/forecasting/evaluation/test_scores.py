import datetime as dt
import math

import polars as pl
import pytest

from tradepipe.contracts import FORECAST_SCORES, FORECASTS, UTC, validate
from tradepipe.forecasting import compute_forecasts, score_forecasts


def opened(session):
    return dt.datetime.combine(session, dt.time(14), dt.UTC)


def forecast(session, target, mean, volatility=0.02, horizon=1, model="arma_garch"):
    known = dt.datetime.combine(session, dt.time(21), dt.UTC)
    return {
        "symbol": "AAA",
        "session": session,
        "open_time": opened(session),
        "known_at": known,
        "model": model,
        "horizon": horizon,
        "target_open_time": opened(target),
        "target_session": target,
        "origin_price": 100.0,
        "mean_return": mean,
        "volatility": volatility,
        "price": 100 * math.exp(mean),
        "price_lower_95": 96.0,
        "price_upper_95": 104.0,
        "fitted_through": session,
        "engine": "reference",
        "fallback": None,
    }


@pytest.fixture
def days():
    return [dt.date(2020, 1, day) for day in (29, 30, 31)] + [dt.date(2020, 2, 3)]


@pytest.fixture
def bars(days):
    return pl.DataFrame(
        {"symbol": ["AAA"] * 4, "open_time": [opened(day) for day in days], "close": [100.0, 102.0, 95.0, 100.0]},
        schema_overrides={"open_time": UTC},
    )


@pytest.fixture
def months(days):
    return pl.DataFrame(
        {"partition": ["2020-01", "2020-02"], "first_session": [days[0], days[3]], "last_session": [days[2], days[3]]}
    )


def scored(rows, bars, months):
    return score_forecasts(pl.DataFrame(rows, schema=FORECASTS.polars_schema), bars, months)


def test_numbers_by_hand(days, bars, months):
    row = scored([forecast(days[0], days[1], 0.01)], bars, months).row(0, named=True)
    realised = math.log(1.02)
    ratio = (realised - 0.01) ** 2 / 0.02**2
    assert row["realised_return"] == pytest.approx(realised)
    assert row["squared_error"] == pytest.approx((realised - 0.01) ** 2)
    assert row["qlike"] == pytest.approx(ratio - math.log(ratio) - 1)
    assert (row["direction_hit"], row["inside_95"], row["partition"]) == (True, True, "2020-01")


def test_wrong_sign_and_outside_the_interval(days, bars, months):
    row = scored([forecast(days[0], days[2], 0.01, horizon=2)], bars, months).row(0, named=True)
    assert (row["direction_hit"], row["inside_95"]) == (False, False)


def test_no_direction_forecast_is_neither_hit_nor_miss(days, bars, months):
    assert scored([forecast(days[0], days[1], 0.0)], bars, months)["direction_hit"].to_list() == [None]


def test_a_perfect_forecast_has_a_finite_qlike(days, bars, months):
    row = scored([forecast(days[0], days[3], 0.0, horizon=3)], bars, months).row(0, named=True)
    assert row["squared_error"] == 0
    assert row["qlike"] == pytest.approx(-math.log(1e-12) - 1)


def test_the_targets_session_says_the_partition(days, bars, months):
    rows = [forecast(days[0], days[2], 0.01, horizon=2), forecast(days[2], days[3], 0.01)]
    assert scored(rows, bars, months).select("partition", "session").rows() == [
        ("2020-01", days[0]),
        ("2020-02", days[2]),
    ]
    assert scored(rows, bars, months.tail(1))["session"].to_list() == [days[2]]
    assert scored(rows, bars, months.head(1))["session"].to_list() == [days[0]]


def test_a_target_that_has_not_come_has_no_row(days, bars, months):
    assert scored([forecast(days[2], days[3], 0.01)], bars.head(3), months).is_empty()


def test_a_repeated_bar_is_refused(days, bars, months):
    with pytest.raises(ValueError, match=r"bars has 1 repeated symbol, open_time, e\.g\. .*'AAA'.*2020, 1, 30, 14"):
        scored([forecast(days[0], days[1], 0.01)], pl.concat([bars, bars.slice(1, 1)]), months)


def test_another_bar_of_the_targets_session_is_not_the_target(days, bars, months):
    late = bars.with_columns(pl.col("open_time") + pl.duration(hours=1), close=pl.lit(1.0))
    rows = [forecast(days[0], days[1], 0.01)]
    assert scored(rows, pl.concat([late, bars]), months).equals(scored(rows, bars, months))
    assert scored(rows, late, months).is_empty()


def test_missing_columns_are_named(bars, months):
    with pytest.raises(ValueError, match="bars lacks column close"):
        scored([], bars.drop("close"), months)


def test_scores_of_real_forecasts_keep_their_contract(panel, windows, settings, grid):
    last = windows.tail(3)
    scores = score_forecasts(compute_forecasts(panel, last, settings, grid=grid), panel, last)
    assert scores.height > 2 * 2 * 3 * 40
    for (partition,), frame in scores.partition_by("partition", as_dict=True).items():
        validate(
            FORECAST_SCORES.arrange(frame), FORECAST_SCORES, market="test", layer="forecast_scores", partition=partition
        )

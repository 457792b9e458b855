import datetime as dt
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from tests.forecasting.evaluation.made import bars_of, forecasts_of, months, still
from tradepipe.contracts import FORECAST_SCORES, UTC, validate
from tradepipe.contracts.forecasts import FORECASTS, LEVELS
from tradepipe.forecasting.evaluation import score_forecasts


def opened(session):
    return dt.datetime.combine(session, dt.time(14), dt.UTC)


def forecast(session, target, mean, **told):
    known = dt.datetime.combine(session, dt.time(21), dt.UTC)
    bounds = {f"price_{end}_{level}": price for level in LEVELS for end, price in (("lower", 96.0), ("upper", 104.0))}
    return {
        "symbol": "AAA",
        "session": session,
        "open_time": opened(session),
        "known_at": known,
        "model": "arma_garch",
        "horizon": 1,
        "target_open_time": opened(target),
        "target_session": target,
        "origin_price": 100.0,
        "mean_return": mean,
        "volatility": 0.02,
        "freedom": None,
        "price": 100 * math.exp(mean),
        **bounds,
        "interval": "law",
        "weight": None,
        "fitted_through": session,
        "engine": "batched",
        "fallback": None,
    } | told


@pytest.fixture
def days():
    return [dt.date(2020, 1, day) for day in (29, 30, 31)] + [dt.date(2020, 2, 3)]


@pytest.fixture
def bars(days):
    return pl.DataFrame(
        {
            "symbol": ["AAA"] * 4,
            "session": days,
            "open_time": [opened(day) for day in days],
            "close": [100.0, 102.0, 95.0, 100.0],
        },
        schema_overrides={"open_time": UTC},
    )


@pytest.fixture
def spans(days):
    return pl.DataFrame(
        {
            "partition": ["2020-01", "2020-02"],
            "anchor_session": [days[0], days[0]],
            "first_session": [days[0], days[3]],
            "last_session": [days[2], days[3]],
        }
    )


def scored(rows, bars, spans, **told):
    made = pl.DataFrame(rows, schema=FORECASTS.polars_schema, orient="row")
    return score_forecasts(made, bars, spans, train_bars=100, **told)


def test_numbers_by_hand(days, bars, spans):
    told = {"price_lower_80": 99.0, "price_upper_80": 101.0, "price_upper_90": 102.0, "weight": 0.25}
    row = scored([forecast(days[0], days[1], 0.01, **told)], bars, spans).row(0, named=True)
    realised = math.log(1.02)
    error = realised - 0.01
    ratio = error**2 / 0.02**2
    assert row["realised_return"] == pytest.approx(realised, rel=1e-14)
    assert row["squared_error"] == pytest.approx(error**2, rel=1e-14)
    assert row["absolute_error"] == pytest.approx(abs(error), rel=1e-6)
    price = 100 * math.exp(0.01)
    assert row["sape"] == pytest.approx(2 * (102 - price) / (102 + price), rel=1e-6)
    assert row["log_score"] == pytest.approx(stats.norm(0.01, 0.02).logpdf(realised), rel=1e-6)
    assert row["qlike"] == pytest.approx(ratio - math.log(ratio) - 1, rel=1e-6)
    assert (row["inside_80"], row["inside_90"], row["inside_95"]) == (False, True, True)
    assert (row["direction_hit"], row["partition"], row["is_fallback"], row["weight"]) == (True, "2020-01", False, 0.25)
    assert (row["target_weight"], row["strategy_return"]) == (None, None)


def test_the_law_is_the_forecasts(days, bars, spans):
    row = scored([forecast(days[0], days[1], 0.01, freedom=4.0)], bars, spans).row(0, named=True)
    law = stats.t(4, 0.01, 0.02 * math.sqrt(0.5))
    assert row["log_score"] == pytest.approx(law.logpdf(math.log(1.02)), rel=1e-6)
    draws = law.rvs(400_000, random_state=1)
    simulated = np.abs(draws - math.log(1.02)).mean() - 0.5 * np.abs(draws[::2] - draws[1::2]).mean()
    assert row["crps"] == pytest.approx(simulated, rel=0.01)


def test_the_scale_is_of_the_training_window(days, bars, spans):
    # On the last origin's close three prices are known: two changes.
    rows = [forecast(days[2], days[3], 0.01), forecast(days[0], days[3], 0.01, horizon=3)]
    found = scored(rows, bars, spans).sort("horizon")
    expected = (math.log(1.02) + abs(math.log(95 / 102))) / 2
    assert found["scale"].to_list() == [pytest.approx(expected, rel=1e-6), None]
    assert found["fitted_from"].to_list() == [days[0], days[0]]


def test_wrong_sign_and_outside_the_interval(days, bars, spans):
    row = scored([forecast(days[0], days[2], 0.01, horizon=2)], bars, spans).row(0, named=True)
    assert (row["direction_hit"], row["inside_95"]) == (False, False)


def test_no_direction_forecast_is_neither_hit_nor_miss(days, bars, spans):
    assert scored([forecast(days[0], days[1], 0.0)], bars, spans)["direction_hit"].to_list() == [None]


def test_a_fallback_is_told(days, bars, spans):
    rows = [forecast(days[0], days[1], 0.01, fallback="too few bars", engine="baseline")]
    assert scored(rows, bars, spans)["is_fallback"].to_list() == [True]


def test_a_perfect_forecast_has_a_finite_qlike(days, bars, spans):
    row = scored([forecast(days[0], days[3], 0.0, horizon=3)], bars, spans).row(0, named=True)
    assert row["squared_error"] == 0
    assert row["qlike"] == pytest.approx(-math.log(1e-12) - 1, rel=1e-6)


@pytest.mark.parametrize("freedom", [None, 2.5])
@pytest.mark.parametrize("volatility", [1e-20, 1e-200, 1e-310])
def test_a_hopeless_volatility_has_finite_scores(days, bars, spans, freedom, volatility):
    made = scored([forecast(days[0], days[1], 0.01, volatility=volatility, freedom=freedom)], bars, spans)
    validate(FORECAST_SCORES.arrange(made), FORECAST_SCORES, market="m", layer="forecast_scores", partition="2020-01")
    assert made["log_score"][0] < -50
    assert made["crps"][0] == pytest.approx(math.log(1.02) - 0.01, rel=1e-5)


def test_the_targets_session_says_the_partition(days, bars, spans):
    rows = [forecast(days[0], days[2], 0.01, horizon=2), forecast(days[2], days[3], 0.01)]
    assert scored(rows, bars, spans).select("partition", "session").rows() == [
        ("2020-01", days[0]),
        ("2020-02", days[2]),
    ]
    assert scored(rows, bars, spans.tail(1))["session"].to_list() == [days[2]]
    assert scored(rows, bars, spans.head(1))["session"].to_list() == [days[0]]


def test_a_target_that_has_not_come_has_no_row(days, bars, spans):
    assert scored([forecast(days[2], days[3], 0.01)], bars.head(3), spans).is_empty()
    assert scored([], bars, spans).is_empty()


@pytest.mark.parametrize("close", [0.0, -37.63])
def test_a_target_without_a_log_return_has_no_row(days, bars, spans, close):
    # WTI crude settled at -37.63 on 2020-04-20.
    below = bars.with_columns(close=pl.when(pl.col("session") == days[3]).then(close).otherwise("close"))
    rows = [forecast(days[0], days[1], 0.01), forecast(days[2], days[3], 0.01)]
    assert scored(rows, below, spans).equals(scored(rows[:1], bars, spans))
    assert scored(rows, bars, spans).height == len(rows)


def test_what_the_strategy_would_have_earned(days, bars, spans):
    def weigh(forecasts):
        return forecasts.filter(pl.col("horizon") == 1).with_columns(target_weight=pl.lit(-0.5))

    rows = [forecast(days[0], days[1], 0.01), forecast(days[0], days[2], 0.01, horizon=2)]
    found = scored(rows, bars, spans, weigh=weigh).sort("horizon").select("target_weight", "strategy_return")
    assert found.rows() == [(-0.5, pytest.approx(-0.5 * 0.02, rel=1e-6)), (None, None)]


def test_a_repeated_bar_is_refused(days, bars, spans):
    with pytest.raises(ValueError, match=r"bars has 1 repeated symbol, open_time, e\.g\. .*'AAA'.*2020, 1, 30, 14"):
        scored([forecast(days[0], days[1], 0.01)], pl.concat([bars, bars.slice(1, 1)]), spans)


def test_another_bar_of_the_targets_session_is_not_the_target(days, bars, spans):
    late = bars.with_columns(pl.col("open_time") + pl.duration(hours=1), close=pl.lit(1.0))
    rows = [forecast(days[0], days[1], 0.01)]
    told = ["target_open_time", "realised_return", "squared_error", "inside_95"]
    both = scored(rows, pl.concat([late, bars]), spans)
    assert both.select(told).equals(scored(rows, bars, spans).select(told))
    assert scored(rows, late, spans).is_empty()


def test_missing_columns_are_named(bars, spans):
    with pytest.raises(ValueError, match="bars lacks column close"):
        scored([], bars.drop("close"), spans)
    with pytest.raises(ValueError, match="windows lacks column anchor_session"):
        scored([], bars, spans.drop("anchor_session"))


def test_training_on_the_targets_session_breaks_the_contract(days, bars, spans):
    row = forecast(days[0], days[1], 0.01, fitted_through=days[1])
    with pytest.raises(ValueError, match="trained_on_target"):
        validate(
            FORECAST_SCORES.arrange(scored([row], bars, spans)), FORECAST_SCORES, market="m", layer="l", partition="p"
        )


@pytest.fixture(scope="module")
def panel():
    generator = np.random.default_rng(7)
    bars = bars_of({name: 0.01 * generator.standard_t(5, 330) for name in ("AAA", "BBB", "CCC")})
    models = {"random_walk": still(), "arma_garch": lambda r: (0.1 * np.nan_to_num(r), 0.012, 6.0)}
    return bars, forecasts_of(bars, models, first=210)


def test_a_partition_alone_is_the_same_as_in_a_range_to_the_last_bit(panel):
    bars, forecasts = panel
    windows = months(bars, 200).tail(4)
    whole = score_forecasts(forecasts, bars, windows, train_bars=150)
    validate(FORECAST_SCORES.arrange(whole), FORECAST_SCORES, market="m", layer="forecast_scores", partition="all")
    for window in windows.iter_slices(1):
        near = bars.filter(pl.col("session").is_between(window["anchor_session"][0], window["last_session"][0]))
        alone = score_forecasts(forecasts.sample(fraction=1, shuffle=True, seed=1), near, window, train_bars=150)
        assert alone.equals(whole.filter(pl.col("partition") == window["partition"][0]))
        assert alone.height >= 90


@pytest.mark.slow
def test_later_bars_change_no_earlier_score(panel):
    bars, forecasts = panel
    windows = months(bars, 200).tail(4)
    whole = score_forecasts(forecasts, bars, windows, train_bars=150)
    generator = np.random.default_rng(50)
    for cut in generator.choice(windows["last_session"][-1].toordinal() - np.arange(70), 50, replace=False):
        last = dt.date.fromordinal(int(cut))
        known = score_forecasts(
            forecasts.filter(pl.col("session") <= last),
            bars.filter(pl.col("session") <= last),
            windows,
            train_bars=150,
        )
        assert known.equals(whole.filter(pl.col("target_session") <= last))

import datetime as dt

import numpy as np
import polars as pl
import pytest

from tests.forecasting.evaluation.made import scores_of
from tradepipe.contracts import EVALUATIONS
from tradepipe.forecasting.evaluation import evaluate, judged, statistics
from tradepipe.forecasting.evaluation.views import calibration, over_symbols, rolling_skill, weights_over_time


@pytest.fixture(scope="module")
def rows():
    """Two months in partitions: in the second the model errs twice as much as the walk, and its weight has halved."""
    generator = np.random.default_rng(3)
    frames = []
    for symbol in ("AAA", "BBB"):
        walk = generator.normal(size=60)
        for model, share in (("random_walk", 0.0), ("arma_garch", 0.5), ("ensemble", None)):
            errors = walk if model == "random_walk" else np.concatenate([0.5 * walk[:30], 2 * walk[30:]])
            weight = None if share is None else [abs(share - 0.4)] * 30 + [abs(share - 0.2)] * 30
            inside = {"inside_80": [n % 5 > 0 for n in range(60)], "inside_90": [n % 10 > 0 for n in range(60)]}
            frames.append(scores_of(model, errors, symbol=symbol, weight=weight or [None] * 60, **inside))
    scores = pl.concat(frames)
    regimes = scores.select("symbol", "open_time").unique()
    regimes = regimes.with_columns(
        regime=pl.when(pl.col("open_time") < dt.datetime(2020, 1, 15, tzinfo=dt.UTC)).then(pl.lit("calm up"))
    )
    placed = scores.with_columns(pl.col("target_session").dt.strftime("%Y-%m").alias("partition"))
    return judged(placed, regimes)


def test_calibration_is_coverage_beside_its_level(rows):
    found = calibration(evaluate(statistics(rows)))
    assert found.columns == ["model", "horizon", "level", "coverage", "spread", "forecasts"]
    own = found.filter(model="ensemble")
    assert own["level"].to_list() == [0.8, 0.9, 0.95]
    assert own["coverage"].to_list() == pytest.approx([0.8, 0.9, 1.0])
    assert own["spread"].to_list() == pytest.approx([0, 0, 0])
    assert calibration(evaluate(statistics(rows), ["symbol"])).columns[0] == "symbol"
    assert calibration(evaluate(EVALUATIONS.empty())).is_empty()


def test_skill_rolls_over_months(rows):
    """January halves the walk's error, February and March double it."""
    sums = statistics(rows)
    each = rolling_skill(sums, months=1).filter(model="arma_garch")
    assert each["from_session"].to_list() == [dt.date(2020, month, 1) for month in (1, 2, 3)]
    assert each["rmse_ratio"].to_list() == pytest.approx([0.5, 2.0, 2.0], rel=1e-6)
    both = rolling_skill(sums, months=12).filter(model="arma_garch")
    walk = (
        sums.filter(model="arma_garch")
        .group_by(pl.col("test_first_session").dt.month())
        .agg(pl.col("squared_error", "walk_squared_error").sum())
    )
    errors = walk.sort("test_first_session").select(pl.col("squared_error", "walk_squared_error").cum_sum())
    assert both["rmse_ratio"].to_list() == pytest.approx(
        (errors["squared_error"] / errors["walk_squared_error"]).sqrt().to_list()
    )
    assert set(rolling_skill(sums).filter(model="random_walk")["rmse_ratio"]) == {1.0}
    assert rolling_skill(EVALUATIONS.empty()).is_empty()


def test_a_long_run_begins_with_its_first_whole_window(rows):
    sums = statistics(rows)
    later = pl.concat(
        sums.with_columns(pl.col("test_first_session", "test_last_session").dt.offset_by(f"{3 * turn}mo"))
        for turn in range(2)
    )
    told = rolling_skill(later, months=3).filter(model="arma_garch")
    assert told["rmse_ratio"].is_null().to_list() == [True, True, False, False, False, False]


def test_sums_over_symbols_tell_the_same_by_regime(rows):
    sums = statistics(rows)
    added = over_symbols(sums)
    assert added.height == 2 * sums["model"].n_unique()
    told = pl.exclude("symbols", "^coverage_.._spread$")
    assert evaluate(added, ["regime"]).select(told).equals(evaluate(sums, ["regime"]).select(told))


def test_weights_over_time_are_of_members(rows):
    found = weights_over_time(statistics(rows))
    assert set(found["model"]) == {"random_walk", "arma_garch"}
    own = found.filter(model="arma_garch", from_session=dt.date(2020, 1, 1))
    assert own["weight"].to_list() == pytest.approx([0.1], rel=1e-6)
    assert weights_over_time(EVALUATIONS.empty()).is_empty()

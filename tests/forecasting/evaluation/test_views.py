import datetime as dt

import numpy as np
import polars as pl
import pytest

from tests.forecasting.evaluation.made import scores_of
from tradepipe.contracts import EVALUATIONS
from tradepipe.forecasting.evaluation import evaluate, judged, loss_series, statistics
from tradepipe.forecasting.evaluation.views import by_regime, calibration, skill_over_time, weights_over_time


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


def test_skill_over_time_is_told_by_period(rows):
    found = skill_over_time(statistics(rows)).filter(model="arma_garch")
    assert found["from_session"].to_list() == [dt.date(2020, month, 1) for month in (1, 2, 3)]
    assert found["forecasts"].to_list() == [60, 58, 2]
    assert found["rmse_ratio"].to_list() == pytest.approx([0.5, 2.0, 2.0], rel=1e-6)
    whole = skill_over_time(statistics(rows), "1y").filter(model="arma_garch")
    assert whole["forecasts"].to_list() == [120]
    assert skill_over_time(EVALUATIONS.empty()).is_empty()


def test_weights_over_time_are_of_members(rows):
    found = weights_over_time(statistics(rows))
    assert set(found["model"]) == {"random_walk", "arma_garch"}
    own = found.filter(model="arma_garch", from_session=dt.date(2020, 1, 1))
    assert own["weight"].to_list() == pytest.approx([0.1], rel=1e-6)
    assert weights_over_time(EVALUATIONS.empty()).is_empty()


def test_unknown_regimes_are_left_out(rows):
    found = by_regime(statistics(rows), loss_series(rows))
    assert set(found["regime"]) == {"calm up"}
    own = found.filter(model="arma_garch").row(0, named=True)
    assert (own["forecasts"], own["rmse_ratio"]) == (28, pytest.approx(0.5, rel=1e-6))
    assert own["dm_statistic"] < 0

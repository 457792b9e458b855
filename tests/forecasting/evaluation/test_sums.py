import datetime as dt

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.forecasting.evaluation.made import bars_of, forecasts_of, months, scores_of, still
from tradepipe.contracts import EVALUATION_LOSSES, EVALUATION_ORIGINS, EVALUATIONS, FORECAST_SCORES, validate
from tradepipe.contracts.evaluation import UNKNOWN
from tradepipe.forecasting.evaluation import (
    LeakError,
    by_origin,
    evaluate,
    fold,
    judged,
    loss_series,
    score_forecasts,
    statistics,
)
from tradepipe.forecasting.regimes import compute_regimes
from tradepipe.settings.forecasts import RegimeSettings

SECTORS = {"AAA": "energy", "BBB": "energy", "CCC": "health", "DDD": None}
GROUPS = [[], ["symbol"], ["sector"], ["regime"], ["year"], ["symbol", "regime"], ["sector", "year"]]


def weigh(forecasts):
    rows = forecasts.filter(pl.col("horizon") == 2)
    return rows.with_columns(target_weight=(40 * pl.col("mean_return")).clip(0, 0.5))


@pytest.fixture(scope="module")
def rows():
    """Judged scores of four symbols over eight months, in partitions."""
    generator = np.random.default_rng(11)
    bars = bars_of({name: 0.01 * generator.standard_t(5, 430) for name in SECTORS})
    models = {
        "random_walk": still(),
        "arma_garch": lambda r: (0.2 * np.nan_to_num(r), 0.012, 6.0),
        "ensemble": still(2e-4, 0.011, 5.0),
    }
    forecasts = forecasts_of(bars, models, first=255, weights={"random_walk": 0.4, "arma_garch": 0.6})
    scores = score_forecasts(forecasts, bars, months(bars, 250).tail(8), train_bars=200, weigh=weigh)
    told = RegimeSettings(volatility_bars=10, trend_bars=20, history_bars=100)
    placed = scores.with_columns(made_in=pl.col("session").dt.strftime("%Y-%m"))
    return judged(placed, compute_regimes(bars, months(bars, 130), told), SECTORS)


@pytest.mark.slow
def test_a_partitions_sums_and_losses_keep_their_contracts(rows):
    for made, contract in (
        (statistics(rows), EVALUATIONS),
        (loss_series(rows), EVALUATION_LOSSES),
        (by_origin(rows), EVALUATION_ORIGINS),
    ):
        for (partition,), part in made.partition_by("partition", as_dict=True, include_key=False).items():
            validate(part, contract, market="m", layer=contract.name, partition=partition)
    assert set(rows["sector"]) == {"energy", "health", UNKNOWN}
    assert rows["regime"].n_unique() >= 8


def test_a_partition_alone_is_the_same_as_in_a_range_to_the_last_bit(rows):
    whole = {make: make(rows) for make in (statistics, loss_series, by_origin)}
    for partition in rows["partition"].unique():
        own = pl.col("partition") == partition
        for make, sums in whole.items():
            assert make(rows.filter(own)).equals(sums.filter(own))


def test_sums_by_origin_are_those_of_the_forecasts_made_there(rows):
    month = sorted(set(rows["made_in"]))[2]
    found = by_origin(rows).filter(made_in=month)
    assert found["partition"].n_unique() == 2  # the last targets lie in the month after
    own = rows.filter(made_in=month)
    cells = own.group_by("partition", "model", "horizon", "regime").agg(
        pl.len(), pl.col("crps").cast(pl.Float64).sum(), pl.min("target_session")
    )
    told = found.join(cells, on=["partition", "model", "horizon", "regime"], suffix="_plain")
    assert told.height == found.height == cells.height
    assert told["forecasts"].to_list() == told["len"].to_list()
    assert told["test_first_session"].to_list() == told["target_session"].to_list()
    assert told["crps"].to_list() == pytest.approx(told["crps_plain"].to_list(), rel=1e-12)


@pytest.mark.parametrize("by", GROUPS)
def test_partitions_add_up_to_the_whole_range(rows, by):
    cells = ["symbol", "sector", "regime"]
    parts, whole = rows, rows.drop("partition")
    added = evaluate(statistics(parts), by, loss_series(parts, cells))
    assert_frame_equal(added, _of_years(whole, by, cells), rel_tol=1e-9, abs_tol=1e-12)
    assert added["dm_p_value"].is_not_null().any()


def _of_years(whole, by, cells):
    """Sums of a year, or of all, at once: without partitions the year of a sum would be that of its first target."""
    years = (
        [whole.filter(pl.col("target_session").dt.year() == year) for year in (2015, 2016)] if "year" in by else [whole]
    )
    return evaluate(pl.concat(statistics(one) for one in years), by, loss_series(whole, cells))


@pytest.mark.slow
@pytest.mark.parametrize("by", [[], ["symbol"], ["sector"]])
def test_folded_sums_say_the_same(rows, by):
    sums, losses = statistics(rows), loss_series(rows, ["symbol", "sector"])
    folded = fold(sums.drop("partition"))
    assert folded.height < sums.height / 3
    assert_frame_equal(evaluate(folded, by, losses), evaluate(sums, by, losses), rel_tol=1e-9, abs_tol=1e-12)


def test_training_and_test_windows_are_told(rows):
    table = evaluate(statistics(rows))
    assert (table["train_last_session"] < table["test_last_session"]).all()
    assert (table["test_first_session"] == rows["target_session"].min()).all()
    assert (table["test_last_session"] == rows["target_session"].max()).all()
    first = rows.group_by("model", "horizon").agg(train_first_session=pl.col("fitted_from").min())
    told = table.select("model", "horizon", "train_first_session")
    assert told.equals(first.sort("model", "horizon"))


def test_training_that_reaches_into_the_test_is_refused():
    walk = scores_of("random_walk", [0.1] * 5)
    leaking = scores_of("arma_garch", [0.1] * 5, fitted_through=[dt.date(2020, 1, day) for day in (1, 2, 4, 4, 5)])
    with pytest.raises(
        LeakError, match=r"1 of 10 forecasts were trained on the session they are judged on.*arma_garch"
    ):
        judged(pl.concat([walk, leaking]))
    fine = leaking.with_columns(fitted_through=pl.col("target_session") - pl.duration(days=1))
    assert judged(pl.concat([walk, fine])).height == 10


def test_only_targets_that_the_random_walk_forecast_too_count():
    walk = scores_of("random_walk", [0.01] * 10)
    model = scores_of("arma_garch", [0.02] * 4, start=8)
    sums = statistics(judged(pl.concat([walk, model])))
    assert dict(sums.select("model", "forecasts").rows()) == {"arma_garch": 2, "random_walk": 10}
    assert judged(model).is_empty()


def test_an_origin_without_regime_and_a_symbol_without_sector_are_unknown():
    walk = scores_of("random_walk", [0.01] * 3)
    regimes = walk.head(1).select("symbol", "open_time", regime=pl.lit("calm up"))
    assert judged(walk, regimes, {"ZZZ": "energy"})["regime"].to_list() == ["calm up", UNKNOWN, UNKNOWN]
    assert judged(walk, regimes, {"ZZZ": "energy"})["sector"].to_list() == [UNKNOWN] * 3
    assert judged(walk)["regime"].to_list() == [UNKNOWN] * 3


def test_empty_frames_give_empty_frames():
    nothing = judged(FORECAST_SCORES.empty())
    assert statistics(nothing).schema == EVALUATIONS.polars_schema
    assert loss_series(nothing).schema == EVALUATION_LOSSES.polars_schema
    assert fold(EVALUATIONS.empty()).schema == EVALUATIONS.polars_schema
    for by in GROUPS:
        table = evaluate(EVALUATIONS.empty(), by)
        assert table.is_empty()
        assert table.columns[: len(by) + 2] == [*by, "model", "horizon"]
    assert evaluate(EVALUATIONS.empty(), [], EVALUATION_LOSSES.empty()).is_empty()


def test_the_random_walk_has_no_loss_against_itself(rows):
    assert set(loss_series(rows)["model"]) == {"arma_garch", "ensemble"}


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="scores lacks column qlike"):
        judged(scores_of("random_walk", [0.1]).drop("qlike"))
    with pytest.raises(ValueError, match="sums lacks column hits"):
        evaluate(EVALUATIONS.empty().drop("hits"))
    with pytest.raises(ValueError, match="losses lacks column symbol"):
        evaluate(EVALUATIONS.empty(), ["symbol"], EVALUATION_LOSSES.empty())

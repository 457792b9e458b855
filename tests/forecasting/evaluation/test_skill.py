import re

import numpy as np
import polars as pl
import pytest

from tests.forecasting.evaluation.made import DAY, MINUTE, scores_of
from tradepipe.forecasting.evaluation import accuracy, evaluate, judged, loss_series, statistics, verdict, without_skill
from tradepipe.forecasting.evaluation.diebold_mariano import diebold_mariano


def scores(model, errors, *, symbol="AAA", horizon=1, hits=None, inside=None, start=0, step=DAY):
    told = {"direction_hit": hits or [None] * len(errors), "inside_95": inside or [True] * len(errors)}
    return scores_of(model, errors, symbol=symbol, horizon=horizon, start=start, step=step, **told)


def test_numbers_by_hand():
    summary = accuracy(
        pl.concat(
            [
                scores("random_walk", [0.02, 0.01, 0.02, 0.01]),
                scores("arma_garch", [0.01] * 4, hits=[True, False, None, True], inside=[True, True, True, False]),
            ]
        )
    )
    model, walk = summary.to_dicts()
    assert (model["model"], model["forecasts"], walk["model"]) == ("arma_garch", 4, "random_walk")
    assert model["rmse"] == pytest.approx(0.01)
    assert model["rmse_ratio"] == pytest.approx(np.sqrt(4 / 10))
    assert model["hit_rate"] == pytest.approx(2 / 3)
    assert model["coverage_95"] == pytest.approx(0.75)
    test = diebold_mariano(np.array([-3e-4, 0, -3e-4, 0]), 1)
    assert (model["dm_statistic"], model["dm_p_value"]) == pytest.approx((test.statistic, test.p_value))
    assert (walk["rmse_ratio"], walk["dm_p_value"], walk["hit_rate"]) == (1.0, None, None)


def test_only_common_origins_count():
    walk = scores("random_walk", [0.01] * 10)
    model = pl.concat([scores("arma_garch", [0.02] * 4, start=8)])
    row = accuracy(pl.concat([walk, model])).row(0, named=True)
    assert (row["model"], row["forecasts"], row["rmse_ratio"]) == ("arma_garch", 2, pytest.approx(2.0))


@pytest.mark.parametrize("step", [DAY, MINUTE])
def test_order_of_rows_does_not_matter(step):
    generator = np.random.default_rng(1)
    both = pl.concat(
        scores(model, generator.normal(size=50), horizon=5, step=step) for model in ("random_walk", "arma_garch")
    )
    assert accuracy(both).equals(accuracy(both.sample(fraction=1, shuffle=True, seed=2)))


def test_each_bar_of_a_session_counts_once_and_in_time_order():
    generator = np.random.default_rng(1)
    # Losses that rise with time: in any other order their autocovariances, and so the test, would differ.
    walk, model = (np.sort(np.abs(generator.normal(size=300))) for _ in range(2))
    both = pl.concat(
        [
            scores("random_walk", walk, horizon=5, step=MINUTE),
            scores("arma_garch", model, horizon=5, step=MINUTE),
        ]
    )
    row = accuracy(both.sample(fraction=1, shuffle=True, seed=2)).row(0, named=True)
    assert (row["model"], row["forecasts"]) == ("arma_garch", 300)
    test = diebold_mariano(model**2 - walk**2, 5)
    assert (row["dm_statistic"], row["dm_p_value"]) == pytest.approx((test.statistic, test.p_value))


def sentence(model_errors, walk_errors):
    return verdict(accuracy(pl.concat([scores("random_walk", walk_errors), scores("arma_garch", model_errors)])))["AAA"]


def test_says_that_there_is_no_skill():
    generator = np.random.default_rng(1)
    walk = generator.normal(size=500)
    text = sentence(walk + 0.05 * generator.normal(size=500), walk)
    assert text.startswith("AAA: arma_garch shows no skill in forecasting returns")
    assert re.search(r"chance explains \(Diebold-Mariano p = 0\.\d{3}, 500 forecasts per horizon\)", text)


def test_says_that_there_is_skill_or_harm():
    generator = np.random.default_rng(1)
    good, bad = generator.normal(size=500), 1.3 * generator.normal(size=500)
    assert sentence(good, bad).startswith("AAA: arma_garch beats the random walk at horizon 1 (error 0.")
    assert sentence(bad, good).startswith("AAA: arma_garch is worse than the random walk at horizon 1 (error 1.")


def test_one_lucky_horizon_of_five_is_no_skill():
    generator = np.random.default_rng(1)
    frames = []
    for horizon in range(1, 6):
        walk = generator.normal(size=200)
        frames += [scores("random_walk", walk, horizon=horizon), scores("arma_garch", 0.99 * walk, horizon=horizon)]
    p_values = [0.5, 0.6, 0.02, 0.7, 0.8]
    summary = accuracy(pl.concat(frames)).filter(pl.col("model") == "arma_garch")
    lucky = summary.with_columns(dm_p_value=pl.Series(p_values))
    assert "shows no skill" in verdict(lucky)["AAA"]
    assert "smallest of 5 Diebold-Mariano p = 0.020" in verdict(lucky)["AAA"]
    skilled = summary.with_columns(dm_p_value=pl.Series([*p_values[:4], 0.009]))
    assert verdict(skilled)["AAA"].startswith("AAA: arma_garch beats the random walk at horizon 5 (")


def test_says_that_there_is_nothing_to_tell():
    assert "the same numbers" in sentence([0.1] * 50, [0.1] * 50)
    assert "too few to tell" in sentence([0.1, 0.2], [0.1, 0.1])
    assert verdict(accuracy(scores("random_walk", [0.1] * 5))) == {}


def test_equal_errors_of_zero_are_no_difference():
    assert accuracy(scores("random_walk", [0.0] * 5))["rmse_ratio"].to_list() == [1.0]


def test_errors_beside_a_walk_without_any_have_no_ratio():
    still = [0.0] * 50
    frames = [scores("random_walk", still), scores("arma_garch", [0.1, 0.2] * 25)]
    summary = accuracy(pl.concat(frames))
    assert summary["rmse_ratio"].to_list() == [None, 1.0]
    assert verdict(summary)["AAA"] == (
        "AAA: arma_garch is worse than the random walk at horizon 1, where that makes no error at all "
        "(50 forecasts per horizon)."
    )
    frames += [scores("random_walk", [0.1] * 50, horizon=2), scores("arma_garch", [0.1] * 50, horizon=2)]
    assert verdict(accuracy(pl.concat(frames)))["AAA"] == (
        "AAA: arma_garch cannot be told from the random walk (the same numbers; 50 forecasts per horizon) "
        "and is worse than the random walk at horizon 1, where that makes no error at all."
    )


def test_one_sentence_a_symbol():
    frames = [scores(m, [0.1] * 9, symbol=s) for m in ("random_walk", "arma_garch") for s in ("AAA", "BBB")]
    assert list(verdict(accuracy(pl.concat(frames)))) == ["AAA", "BBB"]


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="scores lacks column qlike"):
        accuracy(scores("random_walk", [0.1]).drop("qlike"))


def panel_of(models, symbols=("AAA", "BBB"), horizons=(1, 2)):
    """Scores of several symbols: `models` gives each model's error per unit of the random walk's."""
    generator = np.random.default_rng(1)
    frames = []
    for symbol in symbols:
        for horizon in horizons:
            walk = generator.normal(size=300)
            for model, share in models.items():
                errors = walk if model == "random_walk" else share * walk + 0.02 * generator.normal(size=300)
                frames.append(scores(model, errors, symbol=symbol, horizon=horizon))
    rows = judged(pl.concat(frames))
    return evaluate(statistics(rows), losses=loss_series(rows))


def test_a_panel_is_told_as_a_whole_and_member_by_member():
    table = panel_of({"random_walk": 1, "arma_garch": 0.9, "samossa": 1.0, "drift": 1.1, "ensemble": 0.95})
    told = verdict(table)
    assert list(told) == ["all symbols"]
    assert told["all symbols"].startswith("all symbols: arma_garch beats the random walk at horizon 1, 2 (error 0.90")
    lacking = without_skill(table)
    assert list(lacking) == ["drift", "samossa"]
    assert lacking["drift"].startswith("drift is worse than the random walk at horizon 1, 2 (error 1.1")
    assert lacking["samossa"].startswith("samossa shows no skill in forecasting returns: its error is ")
    assert "600 forecasts per horizon" in lacking["samossa"]
    assert all(sentence.endswith(".") for sentence in lacking.values())


def test_a_model_with_skill_at_one_horizon_has_skill():
    table = panel_of({"random_walk": 1, "arma_garch": 0.9})
    mixed = table.with_columns(dm_p_value=pl.when(pl.col("horizon") == 1).then(0.03).otherwise("dm_p_value"))
    assert without_skill(mixed) == {}
    lucky = mixed.with_columns(dm_p_value=pl.when(pl.col("horizon") == 2).then(0.03).otherwise("dm_p_value"))
    assert list(without_skill(lucky)) == ["arma_garch"]


def test_the_random_walk_alone_lacks_nothing():
    assert without_skill(panel_of({"random_walk": 1})) == {}

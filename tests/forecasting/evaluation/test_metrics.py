"""Each metric against plain loops over the scores, and a planted model that walk-forward must prefer."""

import math
from statistics import fmean, stdev

import numpy as np
import polars as pl
import pytest

from tests.forecasting.evaluation.made import bars_of, forecasts_of, months, scores_of, still
from tradepipe.forecasting.evaluation import (
    evaluate,
    judged,
    loss_series,
    score_forecasts,
    statistics,
    verdict,
    without_skill,
)
from tradepipe.forecasting.evaluation.diebold_mariano import diebold_mariano

LEVELS = (80, 90, 95)


@pytest.fixture(scope="module")
def scores():
    """Scores of three symbols made of random numbers, with holes wherever a hole may be."""
    generator = np.random.default_rng(21)
    frames = []
    for symbol in ("AAA", "BBB", "CCC"):
        for model in ("random_walk", "arma_garch"):
            for horizon in (1, 3):
                size = 60
                held = generator.choice([0.0, 0.3, -0.2], size)
                frames.append(
                    scores_of(
                        model,
                        generator.normal(0, 0.01, size),
                        symbol=symbol,
                        horizon=horizon,
                        scale=[None if n % 11 == 0 else 0.005 + 1e-4 * n for n in range(size)],
                        sape=generator.random(size),
                        log_score=generator.normal(3, 1, size),
                        crps=generator.random(size) / 100,
                        qlike=generator.random(size),
                        direction_hit=[None if n % 7 == 0 else bool(n % 3) for n in range(size)],
                        **{f"inside_{level}": (generator.random(size) < level / 100).tolist() for level in LEVELS},
                        is_fallback=(generator.random(size) < 0.1).tolist(),
                        weight=None if model == "ensemble" else generator.random(size),
                        target_weight=held if horizon == 3 else [None] * size,
                        strategy_return=held * generator.normal(0, 0.01, size) if horizon == 3 else [None] * size,
                    )
                )
    return pl.concat(frames)


def by_loop(scores, model, horizon, symbols):
    """The metrics of some symbols, from rows, as a person would write them down."""
    chosen = scores.filter(pl.col("horizon") == horizon, pl.col("symbol").is_in(symbols))
    own = chosen.filter(pl.col("model") == model).to_dicts()
    walk = chosen.filter(pl.col("model") == "random_walk").to_dicts()
    hits = [row["direction_hit"] for row in own if row["direction_hit"] is not None]
    held = [row for row in own if row["target_weight"]]
    returns = [row["strategy_return"] for row in own if row["strategy_return"] is not None]
    deviation = math.sqrt(fmean(one**2 for one in returns) - fmean(returns) ** 2) if returns else None
    rmse, base = (math.sqrt(fmean(row["squared_error"] for row in rows)) for rows in (own, walk))
    cover = {
        level: {symbol: fmean(row[f"inside_{level}"] for row in own if row["symbol"] == symbol) for symbol in symbols}
        for level in LEVELS
    }
    return {
        "forecasts": len(own),
        "symbols": len(symbols),
        "rmse": rmse,
        "rmse_ratio": rmse / base,
        "mase": fmean(row["absolute_error"] / row["scale"] for row in own if row["scale"] is not None),
        "smape": 100 * fmean(row["sape"] for row in own),
        "hit_rate": fmean(hits),
        "crps": fmean(row["crps"] for row in own),
        "log_score": fmean(row["log_score"] for row in own),
        "qlike": fmean(row["qlike"] for row in own),
        **{f"coverage_{level}": fmean(row[f"inside_{level}"] for row in own) for level in LEVELS},
        **{f"coverage_{level}_spread": stdev(cover[level].values()) if len(symbols) > 1 else None for level in LEVELS},
        "fallback_share": fmean(row["is_fallback"] for row in own),
        "weight": fmean(row["weight"] for row in own),
        "decisions": len(returns),
        "win_rate": fmean(row["strategy_return"] > 0 for row in held) if held else None,
        "sharpe": fmean(returns) / deviation if returns else None,
    }


@pytest.mark.parametrize("by", ["nothing", "symbol", "sector"])
def test_every_metric_against_a_plain_loop(scores, by):
    sectors = {"AAA": "energy", "BBB": "energy", "CCC": "health"}
    told = {"nothing": [], "symbol": ["symbol"], "sector": ["sector"]}[by]
    rows = judged(scores, None, sectors)
    table = evaluate(statistics(rows), told)
    assert table.height == {"nothing": 1, "symbol": 3, "sector": 2}[by] * 4
    groups = {"symbol": {s: [s] for s in sectors}, "sector": {"energy": ["AAA", "BBB"], "health": ["CCC"]}}
    for row in table.to_dicts():
        symbols = groups[by][row[by]] if told else list(sectors)
        for name, expected in by_loop(scores, row["model"], row["horizon"], symbols).items():
            assert row[name] == (expected if expected is None else pytest.approx(expected, rel=1e-6)), name


@pytest.mark.parametrize("by", [[], ["symbol"]])
def test_the_test_is_of_the_sums_in_time(scores, by):
    rows = judged(scores)
    table = evaluate(statistics(rows), by, loss_series(rows, ["symbol"]))
    symbols = [["AAA"], ["BBB"], ["CCC"]] if by else [["AAA", "BBB", "CCC"]]
    for chosen in symbols:
        for horizon in (1, 3):
            own = scores.filter(pl.col("symbol").is_in(chosen), pl.col("horizon") == horizon)
            errors = {
                model: own.filter(pl.col("model") == model).sort("symbol", "open_time")["squared_error"].to_numpy()
                for model in ("arma_garch", "random_walk")
            }
            difference = (errors["arma_garch"] - errors["random_walk"]).reshape(len(chosen), 60).sum(axis=0)
            test = diebold_mariano(difference, horizon, np.full(60, len(chosen)))
            row = table.filter(
                pl.col("model") == "arma_garch",
                pl.col("horizon") == horizon,
                *[pl.col("symbol") == one for one in chosen if by],
            ).row(0, named=True)
            told = (row["dm_statistic"], row["dm_p_value"])
            assert told == pytest.approx((test.statistic, test.p_value), rel=1e-9)


def test_without_losses_nothing_is_tested(scores):
    table = evaluate(statistics(judged(scores)), ["symbol"])
    assert table["dm_p_value"].null_count() == table.height


def test_a_year_is_the_targets(scores):
    late = scores.with_columns(pl.col("target_open_time", "open_time").dt.offset_by("366d"))
    moved = late.with_columns(target_session=pl.col("target_open_time").dt.date())
    parts = [judged(scores).with_columns(partition=pl.lit("a")), judged(moved).with_columns(partition=pl.lit("b"))]
    rows = pl.concat(parts)
    table = evaluate(statistics(rows), ["year"], loss_series(rows))
    assert table["year"].unique().sort().to_list() == [2020, 2021]
    both = table.partition_by("year", include_key=False)
    told = ["model", "horizon", "rmse", "mase", "hit_rate", "dm_statistic"]
    assert both[0].select(told).equals(both[1].select(told))


def test_nothing_held_is_no_win_and_no_sharpe():
    flat = scores_of("random_walk", [0.1] * 9, target_weight=[0.0] * 9, strategy_return=[0.0] * 9)
    row = evaluate(statistics(judged(flat))).row(0, named=True)
    assert (row["decisions"], row["win_rate"], row["sharpe"]) == (9, None, None)
    same = flat.with_columns(target_weight=pl.lit(0.5, pl.Float32), strategy_return=pl.lit(0.01, pl.Float32))
    row = evaluate(statistics(judged(same))).row(0, named=True)
    assert (row["win_rate"], row["sharpe"]) == (1.0, None)


def test_one_symbol_has_no_spread():
    row = evaluate(statistics(judged(scores_of("random_walk", [0.1] * 9)))).row(0, named=True)
    assert (row["symbols"], row["coverage_95"], row["coverage_95_spread"]) == (1, 1.0, None)


def test_the_random_walk_on_prices_has_a_mase_of_one():
    """In sample by construction; out of sample as far as the size of moves stays the same."""
    bars = bars_of({"AAA": 0.01 * np.random.default_rng(2).choice([-1.0, 1.0], 500)})
    made = forecasts_of(bars, {"random_walk": still()}, horizons=(1,), first=250)
    scores = score_forecasts(made, bars, months(bars, 240).tail(8), train_bars=200)
    assert evaluate(statistics(judged(scores)))["mase"].to_list() == pytest.approx([1.0], rel=1e-6)


def planted(phi, seed, size=1500):
    shocks = np.random.default_rng(seed).normal(0, 0.01, size)
    values = np.zeros(size)
    for t in range(1, size):
        values[t] = phi * values[t - 1] + shocks[t]
    return values


def walked_forward(returns):
    """AR(1) without constant, fitted at each origin to all returns up to there."""
    known = np.nan_to_num(returns)
    products, squares = np.cumsum(known[1:] * known[:-1]), np.cumsum(known[:-1] ** 2)
    phi = np.concatenate([[0.0], products / np.maximum(squares, 1e-12)])
    return phi * known, 0.01, math.inf


def mean_of_the_past(returns):
    known = np.nan_to_num(returns)
    return np.cumsum(known) / np.maximum(np.arange(len(known)), 1), 0.01, math.inf


def test_walk_forward_prefers_the_planted_model():
    """W8: the model that the series was made by wins, with skill; on a series without memory nobody does."""
    models = {"random_walk": still(), "drift": mean_of_the_past, "arma_garch": walked_forward}
    tables = {}
    for phi in (0.25, 0.0):
        bars = bars_of({f"S{n}": planted(phi, n) for n in range(3)})
        made = forecasts_of(bars, models, horizons=(1,), first=600)
        scores = score_forecasts(made, bars, months(bars, 560).tail(36), train_bars=500)
        rows = judged(scores)
        tables[phi] = evaluate(statistics(rows), losses=loss_series(rows)).sort("rmse")
    best = tables[0.25].row(0, named=True)
    assert best["model"] == "arma_garch"
    # The best one-step forecast leaves the innovations: sqrt(1 - phi^2) of the random walk's error.
    assert best["rmse_ratio"] == pytest.approx(math.sqrt(1 - 0.25**2), abs=0.01)
    assert best["dm_p_value"] < 1e-6
    assert best["log_score"] == max(tables[0.25]["log_score"])
    assert best["crps"] == min(tables[0.25]["crps"])
    assert best["hit_rate"] > 0.55
    assert set(without_skill(tables[0.25])) == {"drift"}
    assert "arma_garch beats the random walk at horizon 1" in verdict(tables[0.25])["all symbols"]
    assert set(without_skill(tables[0.0])) == {"drift", "arma_garch"}


def test_targets_that_a_group_lacks_keep_their_place():
    generator = np.random.default_rng(8)
    errors = {(s, m): generator.normal(size=60) for s in ("AAA", "BBB") for m in ("random_walk", "arma_garch")}
    scores = pl.concat(scores_of(m, errors[s, m], symbol=s, horizon=2) for s, m in errors)
    lacking = (pl.col("symbol") == "BBB") & (pl.col("open_time").dt.day() % 3 == 0)
    rows = judged(scores.filter(~lacking))
    table = evaluate(statistics(rows), ["symbol"], loss_series(rows, ["symbol"]))
    there = ~scores.filter(model="arma_garch", symbol="BBB").select(lacking).to_series().to_numpy()
    difference = np.where(there, errors["BBB", "arma_garch"] ** 2 - errors["BBB", "random_walk"] ** 2, 0.0)
    test = diebold_mariano(difference, 2, there.astype(float))
    row = table.filter(symbol="BBB", model="arma_garch").row(0, named=True)
    assert row["forecasts"] == there.sum() < 60
    assert (row["dm_statistic"], row["dm_p_value"]) == pytest.approx((test.statistic, test.p_value), rel=1e-9)

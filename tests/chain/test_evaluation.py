"""What the chain adds to scores: what the market's strategy would have held of each model."""

import numpy as np
import polars as pl
import pytest

from tests.forecasting.evaluation.made import bars_of, forecasts_of, still
from tradepipe.chain.evaluation import weigher
from tradepipe.markets import load_markets
from tradepipe.settings import load_settings
from tradepipe.signals import compute_signals

MODELS = {"random_walk": still(), "arma_garch": lambda r: (0.1 * np.nan_to_num(r), 0.01, 6.0), "drift": still(1e-3)}


@pytest.fixture(scope="module")
def market():
    return load_markets(load_settings(environ={}))["us_indices"]


def test_of_each_model_it_is_what_signals_would_ask_for(market):
    returns = 0.01 * np.random.default_rng(4).standard_normal(120)
    made = forecasts_of(bars_of({"SPX": returns, "IXIC": returns[::-1]}), MODELS, horizons=(1, 5), first=20)
    stands_in = pl.when(pl.col("open_time").dt.day() < 9).then(pl.lit("too few bars"))
    made = made.with_columns(fallback=stands_in)
    held = weigher(market)(made)
    assert set(held["horizon"]) == {market.settings.strategy.horizon} == {5}
    for model in MODELS:
        strategy = market.settings.strategy.model_copy(update={"model": model})
        wanted = compute_signals(made, strategy).select("symbol", "decided_at", "target_weight")
        own = held.filter(model=model).select("symbol", decided_at="known_at", target_weight="target_weight")
        assert own.sort("symbol", "decided_at").equals(wanted)
    assert (held["target_weight"] != 0).any()
    assert (held.filter(pl.col("fallback").is_not_null())["target_weight"] == 0).all()


def test_a_symbol_outside_of_the_universe_is_not_held(market):
    made = forecasts_of(bars_of({"ZZZ": np.full(60, 0.01)}), {"drift": still(1e-3)}, horizons=(5,), first=20)
    assert set(weigher(market)(made)["target_weight"]) == {0.0}

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradepipe.contracts import FORECASTS, SIGNALS, validate
from tradepipe.contracts.forecasts import LEVELS
from tradepipe.settings.models import StrategySettings
from tradepipe.signals import UnknownStrategyError, compute_signals, strategy_names
from tradepipe.signals import strategies as package

KNOWN = dt.datetime(2020, 1, 2, 21, 30, tzinfo=dt.UTC)


def forecast(mean, volatility=0.02, *, symbol="AAA", day=0, horizon=5, model="arma_garch", fallback=None, engine=None):
    known = KNOWN + dt.timedelta(days=day)
    return {
        "symbol": symbol,
        "session": known.date(),
        "open_time": known - dt.timedelta(hours=7),
        "known_at": known,
        "model": model,
        "horizon": horizon,
        "target_open_time": known + dt.timedelta(days=horizon, hours=-7),
        "target_session": known.date() + dt.timedelta(days=horizon),
        "origin_price": 50.0,
        "mean_return": mean,
        "volatility": volatility,
        "price": 50.0,
        **{f"price_lower_{level}": 45.0 for level in LEVELS},
        **{f"price_upper_{level}": 55.0 for level in LEVELS},
        "interval": "conformal",
        "fitted_through": dt.date(2019, 12, 31),
        "engine": engine or ("baseline" if fallback else "batched"),
        "fallback": fallback,
    }


def frame(*rows):
    return pl.DataFrame(rows, schema=FORECASTS.polars_schema)


def signal(*rows, **changes):
    return compute_signals(frame(*rows), StrategySettings(**changes))


def test_numbers_by_hand():
    row = signal(forecast(0.002), full_score=0.25, max_weight=0.5).row(0, named=True)
    assert row["score"] == pytest.approx(0.1)
    assert row["target_weight"] == pytest.approx(0.5 * 0.1 / 0.25)
    assert row["edge_bps"] == pytest.approx(20)
    assert row["volatility_bps"] == pytest.approx(200)
    assert (row["reference_price"], row["horizon"], row["model"]) == (50.0, 5, "arma_garch")
    assert (row["decided_at"], row["known_at"]) == (KNOWN, KNOWN)
    assert row["expires_at"] == KNOWN + dt.timedelta(days=5)
    assert row["strategy"] == "forecast_over_volatility"


def test_of_bars_that_came_late_together_the_newest_is_decided_on():
    days = [
        forecast(0.001 * (day + 1), day=day) | {"known_at": KNOWN + dt.timedelta(days=max(day, 2))} for day in range(4)
    ]
    made = signal(*days, *(row | {"symbol": "BBB"} for row in days[:1]))
    validate(made, SIGNALS, market="test", layer="signals", partition="one")
    told = made.select("symbol", "session", pl.col("decided_at").dt.date() - pl.col("session")).rows()
    day = KNOWN.date() + dt.timedelta(days=2)
    none = dt.timedelta(0)
    assert told == [
        ("AAA", day, none),
        ("AAA", day + dt.timedelta(days=1), none),
        ("BBB", KNOWN.date(), 2 * dt.timedelta(days=1)),
    ]
    # A partition is the same alone and in a range: what came late together may lie in two of them.
    apart = frame(*days).with_columns(
        partition=pl.when(pl.col("session") < day).then(pl.lit("1")).otherwise(pl.lit("2"))
    )
    both = compute_signals(apart, StrategySettings())
    assert both.select("partition", "session").rows() == [
        ("1", day - dt.timedelta(days=1)),
        ("2", day),
        ("2", day + dt.timedelta(days=1)),
    ]


@pytest.mark.parametrize(
    ("mean", "allow_short", "weight", "edge"),
    [
        (0.02, False, 0.5, 200),
        (-0.02, False, 0.0, 0),
        (-0.02, True, -0.5, 200),
        (-0.002, True, -0.2, 20),
        (0.0, True, 0.0, 0),
    ],
)
def test_exposure_is_limited_and_a_short_gains_from_a_fall(mean, allow_short, weight, edge):
    row = signal(forecast(mean), allow_short=allow_short).row(0, named=True)
    assert (row["target_weight"], row["edge_bps"]) == (pytest.approx(weight), pytest.approx(edge))


def test_a_stand_in_is_no_reason_to_trade():
    row = signal(forecast(0.02, fallback="the training returns are constant")).row(0, named=True)
    assert (row["target_weight"], row["edge_bps"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("model", "engine", "fallback"),
    [
        ("arma_garch", "reference", "batched: 3 values are missing"),
        ("ensemble", "ensemble", None),
        ("drift", "baseline", None),
    ],
)
def test_what_is_the_models_own_trades(model, engine, fallback):
    """The second engine computes the model itself, a baseline may be asked for by name, and so may the ensemble."""
    row = signal(forecast(0.02, model=model, engine=engine, fallback=fallback), model=model).row(0, named=True)
    assert (row["target_weight"], row["model"]) == (0.5, model)


def test_one_intent_per_symbol_and_origin_of_the_strategys_model_and_horizon():
    rows = [
        forecast(0.01, symbol=symbol, day=day, horizon=horizon, model=model)
        for symbol in ("BBB", "AAA")
        for day in (1, 0)
        for horizon in (1, 5)
        for model in ("random_walk", "arma_garch")
    ]
    signals = signal(*rows)
    assert signals.select("symbol", "decided_at").rows() == [
        (symbol, KNOWN + dt.timedelta(days=day)) for symbol in ("AAA", "BBB") for day in (0, 1)
    ]
    validate(signals, SIGNALS, market="test", layer="signals", partition="2020-01")


def test_the_random_walk_wants_nothing():
    signals = signal(forecast(0.0, model="random_walk"), model="random_walk")
    assert signals["target_weight"].to_list() == [0.0]


def test_partition_is_kept_and_no_forecast_is_no_signal():
    parted = frame(forecast(0.01)).with_columns(partition=pl.lit("2020-01"))
    assert compute_signals(parted, StrategySettings()).columns == ["partition", *SIGNALS.column_names]
    empty = compute_signals(FORECASTS.empty(), StrategySettings())
    assert empty.schema == SIGNALS.polars_schema


@settings(deadline=None)
@given(
    mean=st.floats(-2, 2),
    volatility=st.floats(1e-6, 5),
    allow_short=st.booleans(),
    max_weight=st.floats(0.01, 1),
    full_score=st.floats(0.01, 10),
)
def test_every_intent_keeps_its_limits_and_its_contract(mean, volatility, allow_short, max_weight, full_score):
    signals = signal(forecast(mean, volatility), allow_short=allow_short, max_weight=max_weight, full_score=full_score)
    row = signals.row(0, named=True)
    assert (-max_weight if allow_short else 0) <= row["target_weight"] <= max_weight
    assert row["edge_bps"] >= 0
    assert (row["edge_bps"] > 0) <= (row["target_weight"] != 0)
    for rule in SIGNALS.all_rules():
        assert signals.filter(rule.broken).is_empty(), rule.code


def test_a_second_strategy_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "always_half.py").write_text(
        "import polars as pl\n"
        "def want(forecasts, strategy):\n"
        "    return forecasts.with_columns(score=pl.lit(1.0), target_weight=pl.lit(0.5))\n"
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert strategy_names() == ("always_half", "forecast_over_volatility")
    row = signal(forecast(0.01), name="always_half").row(0, named=True)
    assert (row["strategy"], row["target_weight"]) == ("always_half", 0.5)


def test_broken_settings_are_named():
    with pytest.raises(UnknownStrategyError, match="no strategy 'momentum'; there is forecast_over_volatility"):
        signal(forecast(0.01), name="momentum")
    with pytest.raises(ValueError, match=r"no model 'arma'; there is arma_garch$"):
        signal(forecast(0.01), model="arma")
    with pytest.raises(ValueError, match="time_to_live must be longer than zero"):
        signal(forecast(0.01), time_to_live=dt.timedelta(0))
    with pytest.raises(ValueError, match="forecasts lacks column fallback"):
        compute_signals(frame(forecast(0.01)).drop("fallback"), StrategySettings())

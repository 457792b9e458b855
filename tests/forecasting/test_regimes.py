import datetime as dt
import itertools

import numpy as np
import polars as pl
import pytest

from tests.forecasting.evaluation.made import bars_of, months
from tradepipe.contracts import REGIMES, validate
from tradepipe.contracts.evaluation import REGIME_NAMES, UNKNOWN
from tradepipe.forecasting.regimes import TREND_LIMIT, compute_regimes, regime_bars
from tradepipe.settings.forecasts import RegimeSettings

TOLD = RegimeSettings(volatility_bars=8, trend_bars=15, history_bars=60)
CUTS = 50


def clustered(seed, size=420):
    """Returns whose volatility and drift change slowly, so that every regime occurs."""
    generator = np.random.default_rng(seed)
    level = np.exp(np.cumsum(generator.normal(0, 0.15, size)) * 0.3)
    drift = 0.006 * np.sin(np.arange(size) / 25)
    return 0.01 * level * generator.standard_t(5, size) + drift


@pytest.fixture(scope="module")
def bars():
    made = bars_of({"AAA": clustered(1), "BBB": clustered(2), "CCC": clustered(3)})
    # BBB lacks bars, and CCC has a price below zero once.
    lacking = (pl.col("symbol") == "BBB") & (pl.col("session").dt.ordinal_day() % 9 == 0)
    negative = (pl.col("symbol") == "CCC") & (pl.col("session") == dt.date(2016, 3, 1))
    return made.with_columns(close=pl.when(negative).then(-5.0).otherwise("close")).filter(~lacking)


@pytest.fixture(scope="module")
def windows(bars):
    return months(bars, regime_bars(TOLD) + 10).tail(14)


def by_loop(closes):
    """The regime at the last of `closes`, as the docstring says it."""
    returns = [float(np.log(b / a)) if a > 0 and b > 0 else None for a, b in itertools.pairwise(closes)]

    def volatility(stop):
        chosen = returns[stop - TOLD.volatility_bars : stop] if stop >= TOLD.volatility_bars else []
        return None if not chosen or None in chosen else np.sqrt(np.mean(np.square(chosen)))

    past = [volatility(stop) for stop in range(max(len(returns) - TOLD.history_bars + 1, 0), len(returns) + 1)]
    own, known = past[-1], [one for one in past if one is not None]
    newest = returns[-TOLD.trend_bars :]
    if own is None or len(known) < TOLD.history_bars / 2 or len(newest) < TOLD.trend_bars or None in newest:
        return UNKNOWN
    rank = np.mean([(one < own) + 0.5 * (one == own) for one in known])
    chance = np.sqrt(np.sum(np.square(newest)))
    trend = sum(newest) / chance if chance else 0.0
    calm = "calm" if rank < 1 / 3 else "wild" if rank > 2 / 3 else "normal"
    return f"{calm} {'down' if trend < -TREND_LIMIT else 'up' if trend > TREND_LIMIT else 'flat'}"


@pytest.mark.slow
@pytest.mark.parametrize("lookback", [regime_bars(TOLD) + 10, 45])
def test_against_a_plain_loop(bars, lookback):
    windows = months(bars, lookback).tail(14)
    found = compute_regimes(bars, windows, TOLD)
    anchors = dict(windows.select("partition", "anchor_session").rows())
    for (symbol,), own in bars.sort("open_time").partition_by("symbol", as_dict=True).items():
        for row in found.filter(pl.col("symbol") == symbol).to_dicts():
            anchor = anchors[row["partition"]]
            seen = own.filter(pl.col("session").is_between(anchor, row["session"]))["close"].to_list()
            assert row["regime"] == by_loop(seen), row
    assert set(found["regime"]) == set(REGIME_NAMES)
    assert found.height == bars.filter(pl.col("session") >= windows["first_session"][0]).height


def test_a_symbol_without_a_bar_on_the_anchor_session_begins_after_it():
    made = bars_of({"AAA": clustered(1)})
    window = months(made, 45).tail(1)
    [anchor] = window["anchor_session"]
    lacking = made.filter(pl.col("session") != anchor)
    near = lacking.filter(pl.col("session") > anchor)
    assert compute_regimes(lacking, window, TOLD).equals(compute_regimes(near, window, TOLD))
    # What is looked at is what makes the difference: one bar more is seen where it reaches back.
    assert near.height < regime_bars(TOLD)


def test_keeps_its_contract(bars, windows):
    found = compute_regimes(bars, windows, TOLD)
    assert found.equals(found.sort("partition", *REGIMES.key))
    validate(REGIMES.arrange(found), REGIMES, market="m", layer="regimes", partition="all")
    known = found.filter(pl.col("regime") != UNKNOWN)
    assert known.filter(pl.col("regime") != pl.col("volatility_state") + " " + pl.col("trend_state")).is_empty()


def test_a_partition_alone_is_the_same_as_in_a_range_to_the_last_bit(bars, windows):
    whole = compute_regimes(bars, windows, TOLD)
    for window in windows.tail(3).iter_slices(1):
        near = bars.filter(pl.col("session").is_between(window["anchor_session"][0], window["last_session"][0]))
        alone = compute_regimes(near.sample(fraction=1, shuffle=True, seed=4), window, TOLD)
        assert alone.equals(whole.filter(pl.col("partition") == window["partition"][0]))


@pytest.mark.slow
@pytest.mark.parametrize("later", ["gone", "ruined"])
def test_does_not_look_ahead(bars, windows, later):
    whole = compute_regimes(bars, windows, TOLD)
    times = bars.filter(pl.col("session") >= windows["first_session"][0])["known_at"].unique().sort()
    cuts = np.random.default_rng(9).choice(len(times), CUTS, replace=False)
    for cut in times.gather(cuts):
        after = pl.col("known_at") > cut
        known = bars.filter(~after) if later == "gone" else bars.with_columns(
            close=pl.when(after).then(7 * pl.col("close").reverse()).otherwise("close")
        )  # fmt: skip
        again = compute_regimes(known, windows, TOLD).filter(~after)
        assert again.equals(whole.filter(~after))


def test_of_a_walk_the_thirds_are_thirds_and_two_fifths_are_flat():
    walk = bars_of({f"S{n}": 0.01 * np.random.default_rng(n).standard_normal(1000) for n in range(8)})
    found = compute_regimes(walk, months(walk, 130).tail(38), TOLD)
    shares = {name: (found["volatility_state"] == name).mean() for name in ("calm", "normal", "wild")}
    assert all(abs(share - 1 / 3) < 0.04 for share in shares.values()), shares
    assert (found["trend_state"] == "flat").mean() == pytest.approx(0.38, abs=0.05)


def test_a_price_that_never_moves_is_normal_and_flat():
    still = bars_of({"AAA": np.zeros(200)})
    assert set(compute_regimes(still, months(still, 100).tail(2), TOLD)["regime"]) == {"normal flat"}


@pytest.mark.parametrize("size", [1, 2, TOLD.volatility_bars, TOLD.trend_bars - 1, TOLD.trend_bars])
def test_a_market_younger_than_any_window_is_unknown(size):
    made = bars_of({"AAA": clustered(1, size)})
    found = compute_regimes(made, months(made, regime_bars(TOLD)), TOLD)
    assert found["regime"].to_list() == [UNKNOWN] * made.height


def test_a_short_past_is_unknown_and_nothing_is_nothing():
    short = bars_of({"AAA": clustered(5, 25)})
    found = compute_regimes(short, months(short, 100), TOLD)
    assert set(found["regime"]) == set(found["trend_state"]) == {UNKNOWN}
    assert compute_regimes(short.clear(), months(short, 100), TOLD).is_empty()
    assert compute_regimes(short, months(short, 100).clear(), TOLD).is_empty()


def test_broken_input_is_named(bars, windows):
    with pytest.raises(ValueError, match="bars lacks column close"):
        compute_regimes(bars.drop("close"), windows, TOLD)
    with pytest.raises(ValueError, match="bars has 1 repeated symbol, open_time"):
        compute_regimes(pl.concat([bars, bars.head(1)]), windows, TOLD)

import datetime as dt

import numpy as np
import polars as pl
import pytest

from tests.forecasting.evaluation.made import bars_of, months
from tradepipe.forecasting.evaluation.training import training_windows

TRAIN = 40


@pytest.fixture(scope="module")
def bars():
    generator = np.random.default_rng(3)
    made = bars_of({name: 0.01 * generator.standard_normal(300) for name in ("AAA", "BBB")})
    # BBB lacks every seventh bar, and one bar of AAA has a price below zero.
    lacking = (pl.col("symbol") == "BBB") & (pl.col("session").dt.ordinal_day() % 7 == 0)
    negative = (pl.col("symbol") == "AAA") & (pl.int_range(pl.len()) == 200)
    return made.with_columns(close=pl.when(negative).then(-1.0).otherwise("close")).filter(~lacking)


def asked_of(windows, bars):
    spans = windows.select("partition", "first_session", "last_session")
    return (
        bars.select("symbol", fitted_through="session")
        .join(spans, how="cross")
        .filter(pl.col("fitted_through").is_between(pl.col("first_session") - dt.timedelta(days=9), "last_session"))
        .select("partition", "symbol", "fitted_through")
    )


def by_loop(bars, anchor, symbol, through):
    own = bars.filter(pl.col("symbol") == symbol, pl.col("session").is_between(anchor, through)).sort("open_time")
    closes, sessions = own["close"].to_list(), own["session"].to_list()
    if not closes:
        return None, None
    first = max(0, len(closes) - 1 - TRAIN)
    pairs = [(a, b) for a, b in zip(closes[first:], closes[first + 1 :], strict=False) if a > 0 and b > 0]
    changes = [abs(np.log(b / a)) for a, b in pairs]
    return sessions[first], float(np.mean(changes)) if changes else None


@pytest.mark.parametrize("lookback", [60, 12])
def test_against_a_plain_loop(bars, lookback):
    windows = months(bars, lookback).tail(6)
    asked = asked_of(windows, bars)
    found = training_windows(bars, windows, asked, TRAIN)
    assert found.height == asked.height > 200
    anchors = dict(windows.select("partition", "anchor_session").rows())
    for row in found.to_dicts():
        session, scale = by_loop(bars, anchors[row["partition"]], row["symbol"], row["fitted_through"])
        assert row["fitted_from"] == session
        assert row["scale"] == pytest.approx(scale, rel=1e-9)


def test_what_is_before_the_anchor_does_not_matter_to_the_last_bit(bars):
    windows = months(bars, 50).tail(4)
    asked = asked_of(windows, bars)
    whole = training_windows(bars, windows, asked, TRAIN).sort("partition", "symbol", "fitted_through")
    for window in windows.iter_slices(1):
        near = bars.filter(pl.col("session") >= window["anchor_session"][0])
        alone = training_windows(near, window, asked.filter(pl.col("partition") == window["partition"][0]), TRAIN)
        same = whole.filter(pl.col("partition") == window["partition"][0])
        assert alone.sort("partition", "symbol", "fitted_through").equals(same)


def test_a_price_that_never_moved_has_no_scale():
    still = bars_of({"AAA": np.zeros(60)})
    windows = months(still, 30).tail(1)
    found = training_windows(still, windows, asked_of(windows, still), TRAIN)
    assert found["scale"].null_count() == found.height > 0
    assert found["fitted_from"].null_count() == 0


def test_without_any_bar_there_is_neither_begin_nor_scale(bars):
    windows = months(bars, 30).tail(1)
    asked = pl.DataFrame(
        {"partition": windows["partition"], "symbol": ["ZZZ"], "fitted_through": [dt.date(2016, 1, 1)]}
    )
    assert training_windows(bars, windows, asked, TRAIN).select("fitted_from", "scale").rows() == [(None, None)]
    assert training_windows(bars.clear(), windows, asked.clear(), TRAIN).is_empty()

"""The warm-up report against indicators whose need is known."""

import dataclasses

import numpy as np
import pytest

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.warm_up import needs_of


def series(rows=1200, **more):
    return {"close": read_only(100 + np.cumsum(np.random.default_rng(8).normal(0, 1, rows))), **more}


def need_of(text, *arrays, tolerance=1e-9):
    (need,) = needs_of([parse_indicator(text)], arrays or [series()], tolerance)
    return need


def test_a_window_needs_what_lies_in_it():
    need = need_of("sma(20)")
    assert (need.needed, need.settled, need.too_small, need.lacking) == (19, True, False, ())
    assert need_of("returns").needed == 1


def test_a_recursion_needs_what_its_weight_says():
    """The seed's weight falls by 19/21 a bar, so three digits more cost log(1000) / log(21/19) bars."""
    steps = [need_of("ema(20)", tolerance=tolerance).needed for tolerance in (1e-6, 1e-9)]
    assert steps[1] - steps[0] == pytest.approx(np.log(1000) / np.log(21 / 19), abs=3)


def test_a_lookback_that_is_too_small_is_found():
    bound = parse_indicator("ema(20)")
    short = dataclasses.replace(bound, indicator=dataclasses.replace(bound.indicator, lookback=lambda **_: 50))
    (need,) = needs_of([short], [series()], 1e-9)
    assert need.too_small


def test_what_has_not_settled_is_said():
    need = need_of("ema(200)", series(rows=400))
    assert not need.settled
    assert need.needed >= need.watched == 200


def test_starts_are_those_of_sessions():
    """Within a session no partition begins: an average of the session needs nothing before it."""
    session = read_only(np.arange(1200) // 60)
    volume = read_only(np.ones(1200))
    close = series()["close"]
    bars = {"high": close, "low": close, "close": close, "volume": volume, "session": session}
    assert need_of("vwap", bars).needed == 0


def test_within_one_session_an_average_of_it_is_not_measured():
    """A start in the middle of it never happens; it said that vwap's lookback was too small."""
    close, session = series()["close"], read_only(np.zeros(1200))
    bars = {"high": close, "low": close, "close": close, "volume": read_only(np.ones(1200)), "session": session}
    need = need_of("vwap", bars)
    assert (need.needed, need.too_small, need.lacking) == (None, False, ())
    assert need_of("sma(20)", bars).needed == 19


def test_series_without_an_input_or_without_bars_are_not_measured():
    need = need_of("atr(14)")
    assert (need.needed, need.lacking) == (None, ("high", "low"))
    assert need_of("sma(20)", series(rows=2)).needed is None
    assert need_of("sma(20)", series(rows=3)).needed is not None
    assert needs_of([parse_indicator("sma(20)")], [], 1e-9)[0].needed is None

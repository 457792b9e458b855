"""Candle patterns by examples worked out by hand, on the thresholds of TA-Lib's settings, and ties decided exactly.

Nison's charts give no numbers, so these are made: fourteen candles with bodies of 10 ticks and ranges of 20, of which
every mean is plain, then the candles of the pattern. A body of 2 is a tenth of the mean range, and so on.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indicators.made import read_only
from tests.indicators.oracles.patterns import BARS, FUNCTIONS, in_ticks, signals
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.compute import run_kernel

WHITE, BLACK = (0, 15, -5, 10), (10, 15, -5, 0)
LEVEL = 100_000
LONG_BLACK, LONG_WHITE = (20, 25, -5, 0), (0, 25, -5, 20)

# Open, high, low, close in ticks; what the last one says. `=` in a comment: a length equal to its threshold.
EXAMPLES = [
    ("doji", [(10, 20, 0, 12)], 1),  # body 2 = 0.1 * 20
    ("doji", [(10, 20, 0, 13)], 0),
    ("marubozu", [(0, 12, -1, 11)], 1),
    ("marubozu", [(11, 12, -1, 0)], -1),
    ("marubozu", [(0, 11, -1, 10)], 0),  # body 10 = mean, not longer
    ("marubozu", [(0, 13, -1, 11)], 0),  # shadow 2 = 0.1 * 20, not shorter
    ("spinning_top", [(0, 19, -10, 9)], 1),
    ("spinning_top", [(9, 19, -10, 0)], -1),
    ("spinning_top", [(0, 21, -11, 10)], 0),  # body 10 = mean
    ("spinning_top", [(0, 18, -10, 9)], 0),  # upper shadow 9 = body
    ("hammer", [(-1, 9, -11, 8)], 1),  # bottom -1 = low before + 0.2 * 20
    ("hammer", [(8, 9, -11, -1)], 1),  # whatever its colour
    ("hammer", [(0, 10, -10, 9)], 0),
    ("hammer", [(-1, 10, -11, 8)], 0),  # upper shadow 2 = 0.1 * 20
    ("hammer", [(-1, 9, -10, 8)], 0),  # lower shadow 9 = body
    ("hammer", [(-1, 10, -12, 9)], 0),  # body 10 = mean
    ("hanging_man", [(11, 21, 1, 20)], -1),  # bottom 11 = high before - 0.2 * 20
    ("hanging_man", [(10, 20, 0, 19)], 0),
    ("inverted_hammer", [(-10, 9, -11, -1)], 1),
    ("inverted_hammer", [(-9, 10, -10, 0)], 0),  # touches the body before
    ("shooting_star", [(11, 30, 10, 20)], -1),
    ("shooting_star", [(10, 29, 9, 19)], 0),  # touches the body before
    ("hammer", [(0, 15, -45, 10), (-40, -30, -50, -31)], 0),  # the range of 60 does not widen what is near itself
    ("hanging_man", [(0, 55, -5, 10), (50, 60, 40, 59)], 0),
    ("marubozu", [(0, 31, -1, 30), *[WHITE] * 9, (0, 13, -1, 12)], 0),  # body 12 = mean of one of 30 and nine of 10
    ("marubozu", [(0, 31, -1, 30), *[WHITE] * 9, (0, 14, -1, 13)], 1),
    ("spinning_top", [(0, 31, -1, 30), *[WHITE] * 9, (0, 23, -12, 11)], 1),
    ("spinning_top", [(0, 31, -1, 30), *[WHITE] * 10, (0, 23, -12, 11)], 0),  # it is the eleventh before
    ("engulfing", [BLACK, (0, 16, -5, 11)], 1),  # one end shared
    ("engulfing", [BLACK, (-1, 16, -5, 11)], 1),
    ("engulfing", [BLACK, (0, 16, -5, 10)], 0),  # both ends shared
    ("engulfing", [BLACK, (1, 16, -5, 12)], 0),
    ("engulfing", [WHITE, (11, 16, -5, -1)], -1),
    ("engulfing", [WHITE, (-1, 16, -5, 11)], 0),  # the same colour
    ("harami", [LONG_BLACK, (2, 18, -3, 13)], 1),  # body 11 = the mean of nine of 10 and one of 20
    ("harami", [LONG_BLACK, (1, 18, -3, 13)], 0),
    ("harami", [LONG_WHITE, (2, 18, -3, 12)], -1),
    ("harami", [LONG_WHITE, (10, 25, -3, 20)], -1),  # one end shared
    ("harami", [LONG_WHITE, (11, 25, -3, 21)], 0),
    ("harami", [BLACK, (2, 18, -3, 7)], 0),  # first body 10 = mean
    ("piercing_line", [LONG_BLACK, (-6, 12, -7, 11)], 1),
    ("piercing_line", [LONG_BLACK, (-6, 12, -7, 10)], 0),  # close 10 = the middle
    ("piercing_line", [LONG_BLACK, (-5, 12, -7, 11)], 0),  # open -5 = low before
    ("piercing_line", [LONG_BLACK, (-6, 21, -7, 20)], 0),  # close 20 = open before
    ("dark_cloud_cover", [LONG_WHITE, (26, 27, 8, 9)], -1),
    ("dark_cloud_cover", [LONG_WHITE, (26, 27, 8, 10)], 0),  # close 10 = the middle
    ("dark_cloud_cover", [LONG_WHITE, (25, 27, 8, 9)], 0),  # open 25 = high before
    ("dark_cloud_cover(0.2)", [LONG_WHITE, (26, 27, 8, 15)], -1),
    ("dark_cloud_cover(0.2)", [LONG_WHITE, (26, 27, 8, 16)], 0),  # close 16 = 20 - 0.2 * 20
    ("morning_star", [LONG_BLACK, (-12, 0, -13, -1), (-6, 8, -7, 7)], 1),  # star's body 11 = mean
    ("morning_star", [LONG_BLACK, (-12, 0, -13, -1), (-6, 8, -7, 6)], 0),  # close 6 = 0 + 0.3 * 20
    ("morning_star", [LONG_BLACK, (-11, 1, -13, 0), (-6, 8, -7, 7)], 0),  # no gap
    ("morning_star", [LONG_BLACK, (-13, 0, -13, -1), (-6, 8, -7, 7)], 0),  # star's body 12
    ("evening_star", [LONG_WHITE, (21, 33, 20, 32), (26, 27, 12, 13)], -1),
    ("evening_star", [LONG_WHITE, (21, 33, 20, 32), (26, 27, 12, 14)], 0),  # close 14 = 20 - 0.3 * 20
    ("evening_star", [LONG_WHITE, (20, 33, 20, 31), (26, 27, 12, 13)], 0),  # no gap
    ("three_white_soldiers", [(0, 11, -1, 10), (14, 25, 13, 24), (27, 39, 26, 38)], 1),  # opens at 14 = 10 + 0.2 * 20
    ("three_white_soldiers", [(0, 11, -1, 10), (15, 26, 13, 25), (27, 39, 26, 38)], 0),
    ("three_white_soldiers", [(0, 11, -1, 10), (14, 25, 13, 24), (27, 38, 26, 37)], 0),  # last body 10 = mean
    ("three_white_soldiers", [(0, 12, -1, 10), (14, 25, 13, 24), (27, 39, 26, 38)], 0),  # upper shadow 2 = 0.1 * 20
    ("three_white_soldiers", [(0, 21, -1, 20), (12, 22, 11, 21), (20, 33, 19, 32)], 1),  # 9 > 20 - 0.6 * 20
    ("three_white_soldiers", [(0, 21, -1, 20), (13, 22, 12, 21), (20, 33, 19, 32)], 0),  # 8 = 20 - 0.6 * 20
    ("three_black_crows", [WHITE, (10, 11, -1, 0), (9, 10, -11, -10), (-1, 0, -21, -20)], -1),
    ("three_black_crows", [WHITE, (10, 11, -1, 0), (10, 11, -11, -10), (-1, 0, -21, -20)], 0),  # opens at 10 = open
    ("three_black_crows", [WHITE, (10, 11, -2, 0), (9, 10, -11, -10), (-1, 0, -21, -20)], 0),  # lower shadow 2
    ("three_black_crows", [(-20, 0, -20, -10), (10, 11, -1, 0), (9, 10, -11, -10), (-1, 0, -21, -20)], 0),  # high 0
    ("three_black_crows", [BLACK, (10, 11, -1, 0), (9, 10, -11, -10), (-1, 0, -21, -20)], 0),  # no white one before
]


def found_in(text, prices):
    bound = parse_indicator(text)
    arrays = {name: read_only(values) for name, values in zip(BARS, prices, strict=True)}
    (values,) = run_kernel(bound, arrays, np.array([0, len(prices[0])]))
    return values


def candles_before(count):
    return [(BLACK, WHITE)[k % 2] for k in range(count)]


@pytest.mark.parametrize("tick", [100, 20, 10, 1])
@pytest.mark.parametrize(("text", "candles", "expected"), EXAMPLES)
def test_an_example_on_each_threshold(text, candles, expected, tick):
    """The tick is 0.01, 0.05, 0.1 or 1: prices that doubles hold inexactly must not shift a threshold."""
    ticks = np.array([*candles_before(14), *candles], np.float64).T + LEVEL
    assert found_in(text, ticks / tick)[-1] == expected
    params = parse_indicator(text).params
    assert signals(parse_indicator(text).name, list(np.ascontiguousarray(ticks)), **params)[-1] == expected


def test_every_pattern_has_examples_for_and_against():
    for name in FUNCTIONS:
        said = {abs(expected) for text, _, expected in EXAMPLES if text.partition("(")[0] == name}
        assert said == {0, 1}, name


small = st.integers(0, 12)


@st.composite
def candles_of_few_ticks(draw):
    """So few that equal lengths are everywhere."""
    rows, level = [], LEVEL
    for gap, body, upper, lower in draw(st.lists(st.tuples(*[small] * 4), min_size=20, max_size=50)):
        open_, close = level + gap - 6, level + gap - 6 + body - 6
        rows.append((open_, max(open_, close) + upper // 3, min(open_, close) - lower // 3, close))
        level = close
    return np.array(rows, np.float64).T


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(candles_of_few_ticks(), st.sampled_from([1000, 100, 20, 10, 8]), st.integers(0, 5))
def test_signals_depend_neither_on_the_tick_nor_on_where_the_series_begins(ticks, tick, start):
    for name in FUNCTIONS:
        whole = found_in(name, ticks)
        np.testing.assert_array_equal(found_in(name, ticks / tick), whole, err_msg=name)
        np.testing.assert_array_equal(whole, signals(name, list(np.ascontiguousarray(ticks))), err_msg=name)
        late = found_in(name, ticks[:, start:] / tick)
        judged = ~np.isnan(late)
        np.testing.assert_array_equal(late[judged], whole[start:][judged], err_msg=name)


def test_where_talib_differs_on_unscaled_prices_two_lengths_are_equal(crypto_bars):
    prices = [crypto_bars[name].to_numpy().astype(np.float64) for name in BARS]
    ours, theirs = found_in("doji", prices), signals("doji", prices)
    opens, highs, lows, closes = in_ticks(dict(zip(BARS, prices, strict=True)))
    differs = np.flatnonzero((ours != theirs) & ~np.isnan(ours))
    assert 0 < len(differs) < len(ours) / 100
    for row in differs.tolist():
        assert abs(closes[row] - opens[row]) * 100 == (highs - lows)[row - 10 : row].sum()
    assert (ours[differs] == 1).all()  # a body of exactly a tenth is a doji

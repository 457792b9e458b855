"""Trend indicators against worked examples that others published, and against slow scalar references."""

import math
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from tests.indicators.made import read_only
from tradepipe.indicators import IndicatorError, indicators, parse_indicator
from tradepipe.indicators.batch.compute import run_kernel


def values_of(text, **columns):
    arrays = {name: read_only(values) for name, values in columns.items()}
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(arrays["high"])]))


# Achelis (2000), Technical Analysis from A to Z, companion spreadsheet of the parabolic stop and reverse, 0.02 and 0.2.
SAR_HIGHS = [
    45.3125, 46.3125, 46.9375, 47, 47.5312, 47.5938, 47.5, 47.1562, 46.5625, 46.1172, 44.9062, 44, 44.625, 46.1875,
    46.5625, 46.9375, 46.7812, 47.625, 45.8125, 45.4375, 47, 47.0938, 47.25, 46.75, 46.375, 46.4375, 45.375, 44.9375,
    44.5625, 45.2188, 45, 44.25, 43.875, 43.5312, 42.9062, 43.2812, 45.1875, 45.6875, 46.125, 46.6875, 46.0312,
    46.4375, 46.9688, 47.625, 48.5625, 48.5938, 47.4375, 47.1562, 46.6562, 47.0625, 48.4688, 50.5625, 54.375, 57.5,
    58.5625, 57.5, 58.3125, 59, 59.625, 59.625, 59.4062, 59.1875, 59.9688, 58.875, 59.3125, 58.5625, 58.1875,
]  # fmt: skip
SAR_LOWS = [
    44.1562, 45.125, 44.75, 46.0312, 46.3438, 46.0625, 47.0625, 46.1875, 45.1562, 44.8438, 43.6562, 42.5312, 42.625,
    45.125, 45.25, 45.875, 45.5625, 46.1328, 44.8438, 44.6562, 45.625, 46.0625, 45.9688, 45.75, 45.1562, 45.25,
    42.1875, 43.2188, 43.2188, 44.125, 43.5312, 43.4688, 42.9375, 42.5, 42.25, 42.1875, 44.2188, 44.1875, 44.75, 45.5,
    44.75, 44.7812, 45.4375, 46.4375, 47.8672, 47.375, 46.4375, 45.8438, 45.7188, 46.125, 46.375, 47.6562, 49.25,
    54.4688, 56.8125, 55.5938, 55.3125, 57.5625, 58.375, 58.0625, 58.5312, 58.4062, 58.5625, 58.125, 56, 56.125,
    54.6875,
]  # fmt: skip
SAR_PUBLISHED = [
    47.5938, 47.545048, 47.43699808, 47.2101502, 46.83583418, 46.49146345, 42.5312, 42.611826, 42.78485296,
    42.95095884, 43.23140131, 43.49501723, 43.7428162, 43.97574723, 44.19470239, 44.40052025, 44.59398903,
    44.77584969, 47.625, 47.51625, 47.409675, 47.3052315, 47.20287687, 47.10256933, 47.00426795, 46.90793259,
    46.81352394, 46.72100346, 46.63033339, 46.54147672, 46.45439719, 42.1875, 42.2775, 42.3657, 42.452136,
    42.63280256, 42.93233441, 43.38274765, 43.90385289, 44.3728476, 44.79494284, 45.17482856, 45.5167257, 45.82443313,
    46.375, 47.495, 49.0958, 50.799806, 52.19709092, 53.34286455, 54.47429164, 55.50443331, 56.32854665, 56.98783732,
    57.51526986, 58.00597589, 59.9688, 59.889424, 59.81163552,
]  # fmt: skip


def test_psar_reproduces_the_published_example():
    stops, direction = values_of("psar(0.02, 0.2)", high=SAR_HIGHS, low=SAR_LOWS)
    # The first trend, of eight bars, begins otherwise in TA-Lib and here than in the spreadsheet: it does not heed the
    # first low. From the first turn on there is nothing to choose.
    np.testing.assert_allclose(stops[8:], SAR_PUBLISHED, atol=1e-6, rtol=0)
    turns = np.flatnonzero(np.diff(direction[1:])) + 2
    assert turns.tolist() == [8, 14, 26, 39, 64]


def test_a_psar_that_could_not_grow_is_refused():
    with pytest.raises(IndicatorError, match=r"maximum must be at least step, not 0\.2 to 0\.3; raise maximum"):
        parse_indicator("psar(0.3, 0.2)")


# talipp (2020), the test of its SuperTrend(10, 3).
TALIPP = {
    "high": [
        11.02, 10.74, 10.65, 11.05, 10.7, 10.73, 11.16, 10.86, 10.29, 10.8, 9.62, 9.35, 9.43, 8.91, 8.84, 7.82, 7.61,
        8.84, 9.42, 9.5, 9.29, 9.4, 9.1, 8.51, 8.95, 8.7, 8.95, 8.75, 8.39, 8.28, 7.58, 8.17, 8.83, 9.2, 9.25, 10.1,
        9.88, 9.65, 9.32, 9.4, 9.01, 9.36, 9.46, 9.34, 9.4, 10.5, 10.3, 10.86, 10.77, 10.39,
    ],
    "low": [
        9.9, 9.78, 9.5, 10.47, 10.26, 10.4, 10.12, 9.91, 9.4, 9.11, 9.12, 8.5, 8.55, 8.21, 7.34, 7.53, 6.5, 7.04, 8.15,
        8.72, 8.6, 8.89, 8.14, 8.24, 8.06, 7.7, 7.87, 7.94, 8.0, 7.37, 7.49, 7.38, 8.05, 8.79, 8.67, 9.16, 8.9, 9.17,
        8.6, 8.92, 8.99, 9.11, 9.11, 8.43, 8.42, 9.26, 10.0, 10.19, 10.15, 9.62,
    ],
    "close": [
        10.5, 9.78, 10.46, 10.51, 10.55, 10.72, 10.16, 10.25, 9.4, 9.5, 9.23, 8.5, 8.8, 8.33, 7.53, 7.61, 6.78, 8.6,
        9.21, 8.95, 9.22, 9.1, 8.31, 8.37, 8.3, 7.78, 8.05, 8.1, 8.08, 7.49, 7.58, 8.17, 8.83, 8.91, 9.2, 9.76, 9.42,
        9.3, 9.32, 9.04, 9.0, 9.33, 9.34, 8.49, 9.21, 10.15, 10.3, 10.59, 10.23, 10.0,
    ],
}  # fmt: skip


def test_supertrend_reproduces_the_published_example():
    # The example counts high - low of its first bar. A bar before it that closes inside that range gives our
    # first true range the same value.
    before = {"high": 10.7, "low": 10.3, "close": 10.5}
    line, direction = values_of("supertrend(10, 3)", **{name: [before[name], *TALIPP[name]] for name in TALIPP})
    found = [*line[[-16, -4, -3, -2, -1]]]
    np.testing.assert_allclose(found, [9.711592, 8.110029, 8.488026, 8.488026, 8.488026], atol=1e-6, rtol=0)
    assert [*direction[[-16, -4, -3, -2, -1]]] == [-1, 1, 1, 1, 1]


def test_supertrend_by_hand():
    """Ranges of 2 throughout, so bands lie 2 (once the average) from the middle; worked with pencil and paper."""
    close = [10.0, 10.0, 10.0, 11.0, 13.5, 12.5, 10.0, 12.0]
    line, direction = values_of(
        "supertrend(2, 1)", high=[c + 1 for c in close], low=[c - 1 for c in close], close=close
    )
    # ATR: 2 at bar 2; bar 3: 2; bar 4: true range max(2, 3.5, 1.5) = 3.5, (2 + 3.5) / 2 = 2.75; bar 5: 2.375;
    # bar 6: range max(2, 1.5, 3.5) = 3.5, 2.9375; bar 7: max(2, 3, 1) = 3, 2.96875.
    # Upper: 12, 12 (13 is farther), 12 at bar 4 and 13.5 closes above it: up. Lower: 8, 9, 10.75; bar 5: 10.125 is
    # lower, so 10.75 stays; bar 6 closes below it: down, to the upper band. That one restarted after bar 4 (14.875),
    # came to 12.9375 at bar 6; bar 7: 14.96875 is farther, so it stays.
    assert np.isnan(line[:2]).all()
    assert line[2:].tolist() == [12, 12, 10.75, 10.75, 12.9375, 12.9375]
    assert direction[2:].tolist() == [-1, -1, 1, 1, -1, -1]


def test_a_close_on_the_band_turns_no_supertrend():
    def run(close):
        return values_of("supertrend(2, 1)", high=[c + 1 for c in close], low=[c - 1 for c in close], close=close)

    line, direction = run([10.0, 10.0, 10.0, 12.0])  # the upper band of bar 2 is 12, and stays
    assert (line[3], direction[3]) == (12, -1)
    line, direction = run([10.0, 10.0, 10.0, 11.0, 13.5, 10.75])  # the lower band of bar 4 is 10.75, and stays
    assert (line[5], direction[5]) == (10.75, 1)


def test_ichimoku_by_hand_and_nothing_from_the_future():
    high = [5.0, 7.0, 6.0, 9.0, 8.0, 4.0, 3.0, 10.0]
    low = [4.0, 5.0, 4.5, 6.0, 7.0, 3.0, 1.0, 8.0]
    tenkan, kijun, senkou_a, senkou_b = values_of("ichimoku(2, 3, 4, 2)", high=high, low=low)
    nan = math.nan
    np.testing.assert_array_equal(tenkan, [nan, 5.5, 5.75, 6.75, 7.5, 5.5, 2.5, 5.5])
    np.testing.assert_array_equal(kijun, [nan, nan, 5.5, 6.75, 6.75, 6.0, 4.5, 5.5])
    # Drawn at a bar: what was computed two bars before it.
    np.testing.assert_array_equal(senkou_a, [nan, nan, nan, nan, 5.625, 6.75, 7.125, 5.75])
    np.testing.assert_array_equal(senkou_b, [nan, nan, nan, nan, nan, 6.5, 6.75, 6.0])
    assert len(parse_indicator("ichimoku").outputs) == 4  # no chikou: a later close


def exact_mean(values, row, period, weight):
    """The exponential mean at `row` as one weighted sum, all at once: the seed's share, then each value's."""
    ages = range(row - period + 1)
    seed = sum(values[:period]) / period * (1 - weight) ** len(ages)
    return seed + sum(weight * (1 - weight) ** age * values[row - age] for age in ages)


def test_trend_cloud_equals_a_slow_scalar_reference(index_bars):
    bars = index_bars.filter(pl.col("symbol") == "sp500").slice(1000, 120)
    high, low, close = ([Fraction(value) for value in bars[name]] for name in ("high", "low", "close"))
    middles = [(top + bottom) / 2 for top, bottom in zip(high, low, strict=True)]
    ranges = [max(high[row], close[row - 1]) - min(low[row], close[row - 1]) for row in range(1, 120)]
    fast, slow, direction, width = values_of("trend_cloud", **{n: bars[n] for n in ("high", "low", "close")})
    for row in range(50, 120):
        quick = exact_mean(middles, row, 34, Fraction(2, 35))
        calm = exact_mean(middles, row, 50, Fraction(2, 51))
        reach = exact_mean(ranges, row - 1, 14, Fraction(1, 14))
        assert math.isclose(fast[row], quick, rel_tol=1e-14)
        assert math.isclose(slow[row], calm, rel_tol=1e-14)
        assert direction[row] == (1 if quick >= calm else -1)
        assert math.isclose(width[row], abs(quick - calm) / reach, rel_tol=1e-9)
    assert {*direction[49:].tolist()} == {1.0, -1.0}


def test_trend_cloud_by_hand():
    """trend_cloud(2, 3, 2) of bars with middles 2, 4, 6, 3 that reach 1 to either side and close in the middle."""
    middle = [2.0, 4.0, 6.0, 3.0]
    fast, slow, direction, width = values_of(
        "trend_cloud(2, 3, 2)", high=[m + 1 for m in middle], low=[m - 1 for m in middle], close=middle
    )
    # Fast: mean 3, then 2/3 of the way: 5, 11/3. Slow: mean 4, then half the way: 3.5. True ranges 3, 3, 4: 3, 3.5.
    np.testing.assert_allclose(fast, [math.nan, 3, 5, 11 / 3], rtol=1e-15)
    np.testing.assert_allclose(slow, [math.nan, math.nan, 4, 3.5], rtol=1e-15)
    np.testing.assert_array_equal(direction, [math.nan, math.nan, 1, 1])
    np.testing.assert_allclose(width, [math.nan, math.nan, 1 / 3, (11 / 3 - 3.5) / 3.5], rtol=1e-14)


def test_a_market_that_never_moved_has_a_rising_cloud_without_a_width():
    flat = [0.1] * 80
    _, _, direction, width = values_of("trend_cloud", high=flat, low=flat, close=flat)
    assert (direction[49:] == 1).all()  # as in the script: not below counts as rising
    assert np.isnan(width).all()


def test_a_market_that_stands_still_loses_its_width_before_that_is_absurd():
    """Of a range that fades faster than the band any multiple would come, in the end infinity."""
    close = [*np.linspace(50, 60, 100), *[60.0] * 20_000]
    for text in ("trend_cloud", "trend_cloud(2, 60, 2)"):
        *_, direction, width = values_of(text, high=close, low=close, close=close)
        assert not np.isinf(width).any()
        assert np.nanmax(width) < 1e12
        assert np.isnan(width[-10_000:]).all()
        assert direction[-1] == 1


PATH_DEPENDENT = ["kama", "psar", "supertrend"]


def test_indicators_say_that_their_path_matters():
    mine = {"dema", "hma", "ichimoku", "kama", "macd", "psar", "supertrend", "tema", "trend_cloud", "wma"}
    assert [name for name, one in indicators().items() if name in mine and one.path_dependent] == PATH_DEPENDENT


# The last three are those that need most beside what their other parameter says.
@pytest.mark.parametrize("name", [*PATH_DEPENDENT, "psar(0.02, 1)", "psar(0.01, 1)", "supertrend(2, 7)"])
@pytest.mark.parametrize("symbol", ["sp500", "nasdaq"])
def test_two_starts_agree_after_the_lookback_and_not_long_before(name, symbol, index_bars):
    """No bound holds on every series; on 20 years of two indices the declared one does, with room but not too much."""
    bars = index_bars.filter(pl.col("symbol") == symbol)
    columns = {n: bars[n].to_numpy() for n in ("high", "low", "close")}
    lookback = parse_indicator(name).lookback
    whole = values_of(name, **columns)
    needed = []
    for start in range(1, bars.height - 2 * lookback, 13):
        late = values_of(name, **{n: values[start : start + 2 * lookback] for n, values in columns.items()})
        apart = np.zeros(2 * lookback, bool)
        for values, others in zip(late, whole, strict=True):
            expected = others[start : start + 2 * lookback]
            apart |= ~np.isclose(values, expected, rtol=1e-10, atol=0)
        needed.append(np.flatnonzero(apart)[-1] + 1)
    assert lookback / 4 < max(needed) <= lookback

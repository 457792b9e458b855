"""Worked examples that others published, and some by hand: oscillators, directional movement, ranges."""

import math

import numpy as np

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.compute import run_kernel


def values_of(text, **columns):
    arrays = {name: read_only(values) for name, values in columns.items()}
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(next(iter(arrays.values())))]))


def assert_published(values, first, published, tolerance):
    assert np.isnan(values[:first]).all()
    np.testing.assert_allclose(values[first : first + len(published)], published, rtol=0, atol=tolerance)


# StockCharts ChartSchool, "Stochastic Oscillator", spreadsheet cs-soo.xls. It gives no closes for the first 13 bars.
STOCHASTIC_HIGHS = [
    127.009, 127.616, 126.591, 127.347, 128.173, 128.432, 127.367, 126.422, 126.9, 126.85, 125.646, 125.716, 127.158,
    127.715, 127.686, 128.223, 128.273, 128.093, 128.273, 127.735, 128.77, 129.287, 130.063, 129.118, 129.287, 128.472,
    128.093, 128.651, 129.138, 128.641,
]  # fmt: skip
STOCHASTIC_LOWS = [
    125.357, 126.163, 124.93, 126.094, 126.82, 126.482, 126.034, 124.83, 126.392, 125.716, 124.562, 124.572, 125.069,
    126.86, 126.631, 126.8, 126.711, 126.8, 126.134, 125.925, 126.989, 127.815, 128.472, 128.064, 127.606, 127.596,
    126.999, 126.9, 127.487, 127.397,
]  # fmt: skip
STOCHASTIC_CLOSES = [
    127.288, 127.178, 128.014, 127.109, 127.725, 127.059, 127.327, 128.71, 127.875, 128.581, 128.601, 127.934, 128.113,
    127.596, 127.596, 128.69, 128.273,
]  # fmt: skip
STOCHASTIC_BARS = {
    "high": STOCHASTIC_HIGHS,
    "low": STOCHASTIC_LOWS,
    "close": [*STOCHASTIC_LOWS[:13], *STOCHASTIC_CLOSES],
}
FAST_K_PUBLISHED = [
    89.20, 65.81, 81.73, 64.52, 74.51, 98.57, 70.12, 73.06, 73.42, 61.23, 60.95, 40.38, 40.38, 66.82, 56.74,
]  # fmt: skip
FAST_D_PUBLISHED = [
    75.75, 74.20, 78.91, 70.69, 73.59, 79.20, 81.07, 80.58, 72.20, 69.24, 65.20, 54.19, 47.24, 49.19, 54.65,
]  # fmt: skip


def test_stochastic_reproduces_the_published_example():
    k, d = values_of("stochastic(14, 1, 3)", **STOCHASTIC_BARS)
    np.testing.assert_allclose(k[15:], FAST_K_PUBLISHED, rtol=0, atol=0.006)
    assert_published(d, 15, FAST_D_PUBLISHED, 0.006)
    slow_k, slow_d = values_of("stochastic(14, 3, 3)", **STOCHASTIC_BARS)
    np.testing.assert_array_equal(slow_k, d)  # slow %K is fast %D
    assert_published(slow_d, 17, [(75.75 + 74.20 + 78.91) / 3, (74.20 + 78.91 + 70.69) / 3], 0.006)


def test_williams_r_mirrors_the_published_stochastic():
    (values,) = values_of("williams_r(14)", **STOCHASTIC_BARS)
    np.testing.assert_allclose(values[15:], np.array(FAST_K_PUBLISHED) - 100, rtol=0, atol=0.006)


# StockCharts ChartSchool, "Commodity Channel Index", spreadsheet cs-cci.xls.
CCI_HIGHS = [
    24.2013, 24.0721, 24.0423, 23.8733, 23.6745, 23.5851, 23.8037, 23.8036, 24.3007, 24.1516, 24.0522, 24.0622, 23.8833,
    25.1356, 25.1952, 25.066, 25.2151, 25.3741, 25.3642, 25.2648, 24.8175, 24.4398, 24.6485, 24.8374, 24.7479, 24.5094,
    24.6784, 24.6684, 23.8435, 24.3007,
]  # fmt: skip
CCI_LOWS = [
    23.8534, 23.7242, 23.6447, 23.3664, 23.4559, 23.1776, 23.3962, 23.5652, 24.0522, 23.7739, 23.595, 23.8435, 23.6447,
    23.9429, 24.738, 24.7678, 24.897, 24.9268, 24.9567, 24.9268, 24.2112, 24.2112, 24.4299, 24.4398, 24.2013, 24.251,
    24.2112, 24.1516, 23.6348, 23.764,
]  # fmt: skip
CCI_CLOSES = [
    23.8932, 23.9528, 23.6745, 23.7839, 23.4956, 23.3217, 23.754, 23.7938, 24.1417, 23.8137, 23.7839, 23.8634, 23.7044,
    24.9567, 24.8771, 24.9616, 25.1753, 25.066, 25.2747, 24.9964, 24.4597, 24.2808, 24.6237, 24.5815, 24.5268, 24.3504,
    24.3404, 24.2311, 23.764, 24.2013,
]  # fmt: skip
CCI_PUBLISHED = [
    102.3149586, 30.73599174, 6.551594561, 33.29641437, 34.95137669, 13.84011566, -10.74781284, -11.58211407,
    -29.34717775, -129.3556637, -73.06959509,
]  # fmt: skip


def test_cci_reproduces_the_published_example():
    (values,) = values_of("cci(20)", high=CCI_HIGHS, low=CCI_LOWS, close=CCI_CLOSES)
    assert_published(values, 19, CCI_PUBLISHED, 1e-7)


# StockCharts ChartSchool, "Rate of Change", spreadsheet cs-roc.xls: Dow Jones closes, 12 days.
ROC_CLOSES = [
    11045.27, 11167.32, 11008.61, 11151.83, 10926.77, 10868.12, 10520.32, 10380.43, 10785.14, 10748.26, 10896.91,
    10782.95, 10620.16, 10625.83, 10510.95, 10444.37, 10068.01, 10193.39, 10066.57, 10043.75,
]  # fmt: skip
ROC_PUBLISHED = [-3.85, -4.85, -4.52, -6.34, -7.86, -6.21, -4.31, -3.24]


def test_roc_reproduces_the_published_example():
    (values,) = values_of("roc(12)", close=ROC_CLOSES)
    assert_published(values, 12, ROC_PUBLISHED, 0.005)
    (change,) = values_of("momentum(12)", close=ROC_CLOSES)
    np.testing.assert_allclose(change[12:], values[12:] * ROC_CLOSES[:8] / 100, rtol=1e-12)


# Wilder (1978), New Concepts in Technical Trading Systems, worksheet of the directional movement. He works with two
# decimals, and with whole numbers from the DI on. Where he prints 41 for 25.67 / 60.77 the quotient, 42, stands.
WILDER_HIGHS = [
    274, 273.25, 272, 270.75, 270, 270.5, 268.5, 265.5, 262.5, 263.5, 269.5, 267.25, 267.5, 269.75, 268.25, 264, 268,
    266, 274, 277.5, 277, 272, 267.75, 269.25, 266, 265, 264.75, 261, 257.5, 259, 259.75, 257.25, 250, 254.25, 254,
    253.25, 253.25,
]  # fmt: skip
WILDER_LOWS = [
    272, 270.25, 269.75, 268, 269, 268, 266.5, 263, 259, 260, 263, 265, 265.5, 266, 263.25, 261.5, 266.25, 264.25, 267,
    273.5, 272.5, 269.5, 264, 263, 263.5, 262, 261.5, 255.5, 253, 254, 257.5, 250, 247, 252.75, 250.5, 250.25, 251,
]  # fmt: skip
WILDER_CLOSES = [
    272.75, 270.75, 270, 269.25, 269.75, 270, 266.5, 263.25, 260.25, 263, 266.5, 267, 265.75, 268.5, 264.25, 264, 266.5,
    265.25, 273, 276.75, 273, 270.25, 266.75, 263, 265.5, 262.25, 262.75, 255.5, 253, 257.5, 257.5, 250, 249.75, 253.75,
    251.25, 250.5, 253,
]  # fmt: skip
WILDER_BARS = {"high": WILDER_HIGHS, "low": WILDER_LOWS, "close": WILDER_CLOSES}
PLUS_PUBLISHED = [20, 19, 26, 25, 37, 41, 37, 34, 30, 30, 28, 26, 25, 22, 20, 20, 21, 18, 17, 23, 22, 21, 20]
MINUS_PUBLISHED = [36, 38, 35, 37, 31, 28, 27, 31, 38, 34, 32, 33, 32, 38, 39, 36, 34, 42, 45, 42, 43, 41, 39]
ADX_PUBLISHED = [17, 18, 18, 20, 22, 22, 23, 23, 24]


def test_adx_reproduces_wilders_worksheet():
    adx, plus, minus = values_of("adx(14)", **WILDER_BARS)
    assert_published(plus, 14, PLUS_PUBLISHED, 0.51)
    assert_published(minus, 14, MINUS_PUBLISHED, 0.51)
    np.testing.assert_allclose(adx[28:], ADX_PUBLISHED, rtol=0, atol=1)
    assert np.isnan(adx[:27]).all()
    assert math.isfinite(adx[27])


def test_natr_is_atr_over_close():
    (atr,) = values_of("atr(14)", **WILDER_BARS)
    (natr,) = values_of("natr(14)", **WILDER_BARS)
    np.testing.assert_allclose(natr, 100 * atr / WILDER_CLOSES, rtol=1e-14)


def test_aroon_by_hand():
    up, down, oscillator = values_of("aroon(4)", high=[5, 9, 7, 9, 8, 6, 5, 4], low=[3, 4, 2, 2, 3, 3, 3, 3.5])
    # Of the equal highs (bars 1 and 3) and lows (bars 2 and 3) the later one counts.
    np.testing.assert_array_equal(up[4:], [75, 50, 25, 0])
    np.testing.assert_array_equal(down[4:], [75, 50, 25, 0])
    np.testing.assert_array_equal(oscillator, up - down)
    assert np.isnan(up[:4]).all()


def test_stochastic_rsi_by_hand():
    # Gains 2, 0, 3, 0, 0, 0 and losses 0, 1, 0, 2, 0, 0 give averages (1, 1/2), (2, 1/4), (1, 9/8), then halves; RSI
    # 200/3, 800/9, 800/17, and the same (no change) twice; its places in a range of three: 0, 0, 0/0.
    k, d = values_of("stochastic_rsi(2, 3, 1, 2)", close=[10, 12, 11, 14, 12, 12, 12])
    np.testing.assert_array_equal(k, [math.nan] * 4 + [0, 0, math.nan])
    np.testing.assert_array_equal(d, [math.nan] * 5 + [0, math.nan])
    (k, _) = values_of("stochastic_rsi(2, 3, 1, 2)", close=[10, 12, 11, 14, 12, 14])
    # The averages after the last gain of 2: 3/2 and 9/16, RSI 800/11.
    np.testing.assert_allclose(k[4:], [0, 100 * (8 / 11 - 8 / 17) / (8 / 9 - 8 / 17)], rtol=1e-14)

"""Worked examples that others published: the first set."""

import numpy as np

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.compute import run_kernel


def values_of(text, arrays):
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(arrays["close"])]))


def only_close(close):
    return {"close": read_only(close)}


# StockCharts ChartSchool, "Relative Strength Index", spreadsheet cs-rsi.xls: QQQQ closes and 14-day RSI.
RSI_CLOSES = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931,
    46.0328, 45.614, 46.282, 46.282, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521,
    45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
]  # fmt: skip
RSI_PUBLISHED = [
    70.5328, 66.3186, 66.5498, 69.4063, 66.3552, 57.9749, 62.9296, 63.2571, 56.0593, 62.3771, 54.7076,
    50.4228, 39.9898, 41.4605, 41.8689, 45.4632, 37.304, 33.0795, 37.773,
]  # fmt: skip


def test_rsi_reproduces_the_published_example():
    (values,) = values_of("rsi(14)", only_close(RSI_CLOSES))
    assert np.isnan(values[:14]).all()
    np.testing.assert_allclose(values[14:], RSI_PUBLISHED, atol=5.1e-5, rtol=0)


# StockCharts ChartSchool, "Moving Averages": Intel closes, 10-day simple and exponential averages.
AVERAGE_CLOSES = [
    22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39, 22.38, 22.61, 23.36,
    24.05, 23.75, 23.83, 23.95, 23.63, 23.82, 23.87, 23.65, 23.19, 23.10, 23.33, 22.68, 23.10, 22.40, 22.17,
]  # fmt: skip
EMA_PUBLISHED = [
    22.22, 22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34, 23.43, 23.51, 23.53, 23.47,
    23.40, 23.39, 23.26, 23.23, 23.08, 22.92,
]  # fmt: skip


def test_ema_reproduces_the_published_example():
    (values,) = values_of("ema(10)", only_close(AVERAGE_CLOSES))
    assert np.isnan(values[:9]).all()
    np.testing.assert_allclose(values[9:], EMA_PUBLISHED, atol=0.0051, rtol=0)


# StockCharts ChartSchool, "Bollinger Bands", spreadsheet cs-bbands.xls: SPY closes and 20-day bands.
BAND_CLOSES = [
    86.1557, 89.0867, 88.7829, 90.3228, 89.0671, 91.1453, 89.4397, 89.175, 86.9302, 87.6752, 86.9596, 89.4299,
    89.3221, 88.7241, 87.4497, 87.2634, 89.4985, 87.9006, 89.126, 90.7043, 92.9001, 92.9784, 91.8021, 92.6647,
]  # fmt: skip
BANDS_PUBLISHED = {
    "lower": [86.124018, 86.141052, 85.866895, 85.84721, 85.70365],
    "middle": [88.70794, 89.04516, 89.239745, 89.390705, 89.5078],
    "upper": [91.291862, 91.949268, 92.612595, 92.9342, 93.31195],
}


def test_bollinger_reproduces_the_published_example():
    found = values_of("bollinger(20, 2)", only_close(BAND_CLOSES))
    for values, (name, published) in zip(found[:3], BANDS_PUBLISHED.items(), strict=True):
        assert np.isnan(values[:19]).all()
        np.testing.assert_allclose(values[19:], published, atol=2e-6, rtol=0, err_msg=name)


# StockCharts ChartSchool, "Average True Range", spreadsheet cs-atr.xls: QQQQ bars and 14-day ATR.
ATR_HIGHS = [
    48.7, 48.72, 48.9, 48.87, 48.82, 49.05, 49.2, 49.35, 49.92, 50.19, 50.12, 49.66, 49.88, 50.19, 50.36,
    50.57, 50.65, 50.43, 49.63, 50.33,
]  # fmt: skip
ATR_LOWS = [
    47.79, 48.14, 48.39, 48.37, 48.24, 48.635, 48.94, 48.86, 49.5, 49.87, 49.2, 48.9, 49.43, 49.725, 49.26,
    50.09, 50.3, 49.21, 48.98, 49.61,
]  # fmt: skip
ATR_CLOSES = [
    48.16, 48.61, 48.75, 48.63, 48.74, 49.03, 49.07, 49.32, 49.91, 50.13, 49.53, 49.5, 49.75, 50.03, 50.31,
    50.52, 50.41, 49.34, 49.37, 50.23,
]  # fmt: skip
ATR_PUBLISHED = [0.555, 0.593929, 0.585791, 0.568949, 0.615452, 0.61792, 0.642354]


def test_atr_reproduces_the_published_example():
    # The example counts high - low of its first bar. A bar before it that closes inside that range
    # gives our first true range the same value.
    columns = {"high": [48.5, *ATR_HIGHS], "low": [48.0, *ATR_LOWS], "close": [48.2, *ATR_CLOSES]}
    arrays = {name: read_only(values) for name, values in columns.items()}
    (values,) = values_of("atr(14)", arrays)
    assert np.isnan(values[:14]).all()
    np.testing.assert_allclose(values[14:], ATR_PUBLISHED, atol=2e-6, rtol=0)

"""Worked examples that others published, and some by hand: volume."""

import math

import numpy as np

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.compute import run_kernel


def values_of(text, **columns):
    arrays = {name: read_only(values) for name, values in columns.items()}
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(next(iter(arrays.values())))]))[0]


# StockCharts ChartSchool, "Money Flow Index", spreadsheet cs-mfi.xls: typical prices to the cent, volume in thousands.
MFI_TYPICAL = [
    24.63, 24.69, 24.99, 25.36, 25.19, 25.17, 25.01, 24.96, 25.08, 25.25, 25.21, 25.37, 25.61, 25.58, 25.46, 25.33,
    25.09, 25.03, 24.91, 24.89, 25.13,
]  # fmt: skip
MFI_VOLUMES = [
    18730, 12272, 24691, 18358, 22964, 15919, 16067, 16568, 16019, 9774, 22573, 12987, 10907, 5799, 7395, 5818, 7165,
    5673, 5625, 5023, 7457,
]  # fmt: skip
MFI_PUBLISHED = [49.47, 45.11, 36.27, 28.41, 31.53, 33.87, 41.29]


def test_mfi_reproduces_the_published_example():
    values = values_of("mfi(14)", high=MFI_TYPICAL, low=MFI_TYPICAL, close=MFI_TYPICAL, volume=MFI_VOLUMES)
    assert np.isnan(values[:14]).all()
    np.testing.assert_allclose(values[14:], MFI_PUBLISHED, rtol=0, atol=0.01)


# StockCharts ChartSchool, "Accumulation Distribution Line", spreadsheet cs-adl.xls; "Chaikin Money Flow", cs-cmf.xls,
# has the same bars with prices to the cent.
FLOW_BARS = {
    "high": [
        62.34, 62.05, 62.27, 60.79, 59.93, 61.75, 60.0, 59.0, 59.07, 59.22, 58.75, 58.65, 58.47, 58.25, 58.35, 59.86,
        59.5299, 62.1, 62.16, 62.67, 62.38, 63.73, 63.85, 66.15, 65.34, 66.48, 65.23, 63.4, 63.18, 62.7,
    ],
    "low": [
        61.37, 60.69, 60.1, 58.61, 58.712, 59.86, 57.97, 58.02, 57.48, 58.3, 57.8276, 57.86, 57.91, 57.8333, 57.53,
        58.58, 58.3, 58.53, 59.8, 60.93, 60.15, 62.2618, 63.0, 63.58, 64.07, 65.2, 63.21, 61.88, 61.11, 61.25,
    ],
    "close": [
        62.15, 60.81, 60.45, 59.18, 59.24, 60.2, 58.48, 58.24, 58.69, 58.65, 58.47, 58.02, 58.17, 58.07, 58.13, 58.94,
        59.1, 61.92, 61.37, 61.68, 62.09, 62.89, 63.53, 64.01, 64.77, 65.22, 63.28, 62.4, 61.55, 62.69,
    ],
    "volume": [
        7849.025, 11692.075, 10575.307, 13059.128, 20733.508, 29630.096, 17705.294, 7259.203, 10474.629, 5203.714,
        3422.865, 3962.15, 4095.905, 3766.006, 4239.335, 8039.979, 6956.717, 18171.552, 22225.894, 14613.509, 12319.763,
        15007.69, 8879.667, 22693.812, 10191.814, 10074.152, 9411.62, 10391.69, 8926.512, 7459.575,
    ],
}  # fmt: skip
LINE_PUBLISHED = [
    4774, -4855, -12019, -18249, -21006, -39976, -48785, -52785, -47317, -48561, -47216, -49574, -49866, -49354, -47389,
    -50907, -48813, -32474, -25128, -27144, -18028, -20193, -18000, -33099, -32056, -41816, -50575, -53856, -58988,
    -51631,
]  # fmt: skip
CMF_PUBLISHED = [-0.1211, -0.0997, -0.0659, -0.0257, -0.0617, -0.0481, -0.0086, -0.0087, -0.005, -0.0574, -0.0148]


def test_accumulation_distribution_is_the_change_of_the_published_line():
    values = values_of("accumulation_distribution(20)", **FLOW_BARS)
    assert np.isnan(values[:19]).all()
    change = np.diff([0, *LINE_PUBLISHED], n=1).cumsum()[19:] - np.array([0, *LINE_PUBLISHED[:10]])
    np.testing.assert_allclose(values[19:], change, rtol=0, atol=1)  # the line is published in whole numbers


def test_chaikin_money_flow_reproduces_the_published_example():
    values = values_of(
        "chaikin_money_flow(20)", **{name: np.round(FLOW_BARS[name], 2 + (name == "volume")) for name in FLOW_BARS}
    )
    assert np.isnan(values[:19]).all()
    np.testing.assert_allclose(values[19:], CMF_PUBLISHED, rtol=0, atol=6e-5)


# Investopedia, "On-Balance Volume (OBV)", ten days of a fictitious stock.
OBV_BARS = {
    "close": [10, 10.15, 10.17, 10.13, 10.11, 10.15, 10.2, 10.2, 10.22, 10.21],
    "volume": [25200, 30000, 25600, 32000, 23000, 40000, 36000, 20500, 23000, 27500],
}
OBV_PUBLISHED = [0, 30000, 55600, 23600, 600, 40600, 76600, 76600, 99600, 72100]


def test_obv_is_the_change_of_the_published_line():
    for period in (2, 4, 9):
        values = values_of(f"obv({period})", **OBV_BARS)
        assert np.isnan(values[:period]).all()
        expected = np.array(OBV_PUBLISHED[period:]) - OBV_PUBLISHED[: len(OBV_PUBLISHED) - period]
        np.testing.assert_array_equal(values[period:], expected)


def test_force_index_by_hand():
    # Forces 2 * 10, -1 * 20, 0 * 7, 4 * 5; the seed is the mean of the first two, then weight 2 / 3.
    values = values_of("force_index(2)", close=[10, 12, 11, 11, 15], volume=[1, 10, 20, 7, 5])
    np.testing.assert_allclose(values, [math.nan, math.nan, 0, 0, 40 / 3], rtol=1e-15)


VWAP_BARS = {
    "high": [12, 15, 9, 9, 6],
    "low": [9, 12, 6, 9, 3],
    "close": [9, 12, 9, 9, 6],
    "volume": [0, 30, 10, 0, 5],
    "session": [1, 1, 1, 2, 2],
}  # typical prices 10, 13, 8, 9, 5


def test_vwap_of_the_session_by_hand():
    values = values_of("vwap", **VWAP_BARS)
    np.testing.assert_allclose(values, [math.nan, 13, (390 + 80) / 40, math.nan, 5], rtol=1e-15)


def test_rolling_vwap_by_hand():
    bars = {name: column for name, column in VWAP_BARS.items() if name != "session"}
    np.testing.assert_allclose(values_of("rolling_vwap(2)", **bars), [math.nan, 13, 470 / 40, 8, 5], rtol=1e-15)
    bars["volume"] = [4, 0, 0, 2, 2]
    np.testing.assert_allclose(values_of("rolling_vwap(2)", **bars), [math.nan, 10, math.nan, 9, 7], rtol=1e-15)

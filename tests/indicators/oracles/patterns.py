"""Candle patterns as TA-Lib has them, on prices in whole ticks: there its arithmetic is exact and its rule is plain.

On prices as they are, TA-Lib's running sums of binary fractions let rounding decide whether equal
lengths are equal; see `test_published_patterns.py`, which counts how seldom that is.
"""

import numpy as np
import talib
from talib import abstract

BARS = ("open", "high", "low", "close")
FUNCTIONS = {
    "doji": "CDLDOJI",
    "marubozu": "CDLMARUBOZU",
    "spinning_top": "CDLSPINNINGTOP",
    "hammer": "CDLHAMMER",
    "hanging_man": "CDLHANGINGMAN",
    "inverted_hammer": "CDLINVERTEDHAMMER",
    "shooting_star": "CDLSHOOTINGSTAR",
    "engulfing": "CDLENGULFING",
    "harami": "CDLHARAMI",
    "piercing_line": "CDLPIERCING",
    "dark_cloud_cover": "CDLDARKCLOUDCOVER",
    "morning_star": "CDLMORNINGSTAR",
    "evening_star": "CDLEVENINGSTAR",
    "three_white_soldiers": "CDL3WHITESOLDIERS",
    "three_black_crows": "CDL3BLACKCROWS",
}


def in_ticks(bars):
    """Open, high, low and close as whole numbers of the finest decimal that they have."""
    prices = [np.asarray(bars[name]) for name in BARS]
    for digits in range(9):
        ticks = [np.round(one * 10.0**digits) for one in prices]
        if all((whole / 10.0**digits == one).all() for whole, one in zip(ticks, prices, strict=True)):
            return ticks
    raise AssertionError("the prices have no tick")


def signals(name, prices, **params):
    """TA-Lib's 100, 80, 0, -80 and -100 as 1, 0 and -1; NaN where it has not judged yet."""
    function = abstract.Function(FUNCTIONS[name])
    if params:
        function.parameters = params
    found = np.sign(getattr(talib, FUNCTIONS[name])(*prices, **params)).astype(np.float64)
    found[: function.lookback] = np.nan
    return found


def oracle(name):
    return lambda bars, **params: (signals(name, in_ticks(bars), **params),)


TALIB = {name: oracle(name) for name in FUNCTIONS}

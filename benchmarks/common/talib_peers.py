"""TA-Lib's functions, and numpy for what it lacks: one function an indicator over the arrays of one series."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import talib

from benchmarks.common.bars import Floats

Arrays = Mapping[str, Floats]
Peer = Callable[[Arrays], tuple[Floats, ...]]


def _adx(a: Arrays) -> tuple[Floats, ...]:
    bar = a["high"], a["low"], a["close"]
    return talib.ADX(*bar, 14), talib.PLUS_DI(*bar, 14), talib.MINUS_DI(*bar, 14)


def _aroon(a: Arrays) -> tuple[Floats, ...]:
    return *talib.AROON(a["high"], a["low"], 25), talib.AROONOSC(a["high"], a["low"], 25)


def _correlation(a: Arrays) -> tuple[Floats, ...]:
    return (talib.CORREL(_changes(a["close"]), _changes(a["benchmark"]), 60),)


def _changes(values: Floats) -> Floats:
    """Log returns; the first, which there is none of, as 0: TA-Lib reads a NaN as NaN for ever."""
    changes = np.empty_like(values)
    changes[0] = 0.0
    np.log1p((values[1:] - values[:-1]) / values[:-1], out=changes[1:])
    return changes


def _donchian(a: Arrays) -> tuple[Floats, ...]:
    upper, lower = talib.MAX(a["high"], 20), talib.MIN(a["low"], 20)
    return lower, (upper + lower) * 0.5, upper


def _ichimoku(a: Arrays) -> tuple[Floats, ...]:
    conversion, base, second = (
        (talib.MAX(a["high"], period) + talib.MIN(a["low"], period)) * 0.5 for period in (9, 26, 52)
    )
    spans = []
    for span in ((conversion + base) * 0.5, second):
        shifted = np.full_like(span, np.nan)
        shifted[26:] = span[:-26]
        spans.append(shifted)
    return conversion, base, *spans


def _keltner(a: Arrays) -> tuple[Floats, ...]:
    middle = talib.EMA(a["close"], 20)
    reach = 2.0 * talib.ATR(a["high"], a["low"], a["close"], 10)
    return middle - reach, middle, middle + reach


def _realised_volatility(a: Arrays) -> tuple[Floats, ...]:
    return (talib.STDDEV(_changes(a["close"]), 20) * math.sqrt(20 / 19),)


def _rolling_vwap(a: Arrays) -> tuple[Floats, ...]:
    typical = talib.TYPPRICE(a["high"], a["low"], a["close"])
    return (talib.SUM(typical * a["volume"], 20) / talib.SUM(a["volume"], 20),)


def _zscore(a: Arrays) -> tuple[Floats, ...]:
    return ((a["close"] - talib.SMA(a["close"], 20)) / talib.STDDEV(a["close"], 20),)


def _of(name: str, *values: float, inputs: tuple[str, ...] = ("close",)) -> Peer:
    """One function of TA-Lib."""
    function = getattr(talib, name)

    def peer(arrays: Arrays) -> tuple[Floats, ...]:
        found = function(*(arrays[one] for one in inputs), *values)
        return found if isinstance(found, tuple) else (found,)

    return peer


_BAR = ("high", "low", "close")
_CANDLE = ("open", *_BAR)
_CANDLES = {
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

# As a configuration writes it -> the same by TA-Lib. What TA-Lib has no function for is in COMPOSED.
SINGLE: dict[str, Peer] = {
    "sma(20)": _of("SMA", 20),
    "ema(20)": _of("EMA", 20),
    "wma(20)": _of("WMA", 20),
    "rsi(14)": _of("RSI", 14),
    "macd(12, 26, 9)": _of("MACD", 12, 26, 9),
    "bollinger(20, 2)": _of("BBANDS", 20, 2, 2),
    "atr(14)": _of("ATR", 14, inputs=_BAR),
    "adx(14)": _adx,
    "stochastic(14, 3, 3)": _of("STOCH", 14, 3, 0, 3, 0, inputs=_BAR),
    "obv": _of("OBV", inputs=("close", "volume")),
    "cci(20)": _of("CCI", 20, inputs=_BAR),
    "mfi(14)": _of("MFI", 14, inputs=(*_BAR, "volume")),
    "beta(60)": _of("BETA", 60, inputs=("benchmark", "close")),
    "dema(20)": _of("DEMA", 20),
    "tema(20)": _of("TEMA", 20),
    "kama(10)": _of("KAMA", 10),
    "psar": _of("SAR", 0.02, 0.2, inputs=("high", "low")),
    "stochastic_rsi": _of("STOCHRSI", 14, 14, 3, 0),
    "roc(10)": _of("ROC", 10),
    "momentum(10)": _of("MOM", 10),
    "williams_r(14)": _of("WILLR", 14, inputs=_BAR),
    "accumulation_distribution": _of("AD", inputs=(*_BAR, "volume")),
    "natr(14)": _of("NATR", 14, inputs=_BAR),
    "aroon(25)": _aroon,
    "linear_regression(20)": _of("LINEARREG_SLOPE", 20),
    "rolling_mean(20)": _of("SMA", 20),
    "rolling_std(20)": _of("STDDEV", 20),
    "rolling_max(20)": _of("MAX", 20),
    "rolling_min(20)": _of("MIN", 20),
    **{name: _of(function, inputs=_CANDLE) for name, function in _CANDLES.items()},
}

COMPOSED: dict[str, Peer] = {
    "rolling_vwap(20)": _rolling_vwap,
    "correlation(60)": _correlation,
    "donchian(20)": _donchian,
    "ichimoku(9, 26, 52)": _ichimoku,
    "keltner(20, 10, 2)": _keltner,
    "realised_volatility(20)": _realised_volatility,
    "zscore(20)": _zscore,
}

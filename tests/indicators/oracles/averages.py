"""Moving averages as TA-Lib has them."""

import math

import talib


def _hull(bars, period):
    """TA-Lib has no Hull average, but what it is made of."""
    whole, half = talib.WMA(bars["close"], period), talib.WMA(bars["close"], period // 2)
    return (talib.WMA(2 * half - whole, math.isqrt(period)),)


TALIB = {
    "sma": lambda bars, period: (talib.SMA(bars["close"], period),),
    "ema": lambda bars, period: (talib.EMA(bars["close"], period),),
    "wma": lambda bars, period: (talib.WMA(bars["close"], period),),
    "dema": lambda bars, period: (talib.DEMA(bars["close"], period),),
    "tema": lambda bars, period: (talib.TEMA(bars["close"], period),),
    "hma": _hull,
    "kama": lambda bars, period: (talib.KAMA(bars["close"], period),),
    "macd": lambda bars, fast, slow, signal: talib.MACD(bars["close"], fast, slow, signal),
}

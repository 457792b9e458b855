"""Ranges and directional movement as TA-Lib has them."""

import talib

from tests.indicators.units import in_units


def adx(bars, period):
    """TA-Lib on whole numbers, so that equal movements tie: the outputs are shares and have no unit."""
    prices = in_units(bars["high"], bars["low"], bars["close"])
    return talib.ADX(*prices, period), talib.PLUS_DI(*prices, period), talib.MINUS_DI(*prices, period)


def aroon(bars, period):
    down, up = talib.AROON(bars["high"], bars["low"], period)
    return up, down, talib.AROONOSC(bars["high"], bars["low"], period)


TALIB = {
    "atr": lambda bars, period: (talib.ATR(bars["high"], bars["low"], bars["close"], period),),
    "natr": lambda bars, period: (talib.NATR(bars["high"], bars["low"], bars["close"], period),),
    "adx": adx,
    "aroon": aroon,
}

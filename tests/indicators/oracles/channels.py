"""Channels and bands as TA-Lib has them."""

import talib

TALIB = {
    "bollinger": lambda bars, period, width: talib.BBANDS(bars["close"], period, width, width)[::-1],
}

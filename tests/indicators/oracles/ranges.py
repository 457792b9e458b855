"""Ranges as TA-Lib has them."""

import talib

TALIB = {
    "atr": lambda bars, period: (talib.ATR(bars["high"], bars["low"], bars["close"], period),),
}

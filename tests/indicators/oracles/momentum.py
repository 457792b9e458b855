"""Momentum as TA-Lib has it."""

import talib

TALIB = {
    "rsi": lambda bars, period: (talib.RSI(bars["close"], period),),
}

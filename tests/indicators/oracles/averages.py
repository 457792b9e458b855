"""Moving averages as TA-Lib has them."""

import talib

TALIB = {
    "sma": lambda bars, period: (talib.SMA(bars["close"], period),),
    "ema": lambda bars, period: (talib.EMA(bars["close"], period),),
}

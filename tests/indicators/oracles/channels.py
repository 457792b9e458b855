"""Channels and bands as TA-Lib has them."""

import numpy as np
import talib

from tests.indicators.oracles.statistics import in_pieces


def _bollinger(bars, period, width):
    close = bars["close"]
    upper, middle, lower = talib.BBANDS(close, period, width, width)
    deviation = in_pieces(lambda piece: piece - talib.SMA(piece, period), close, period=period)
    reach = width * in_pieces(lambda piece: talib.STDDEV(piece, period), close, period=period)
    with np.errstate(invalid="ignore"):
        return lower, middle, upper, 0.5 + deviation / (2 * reach), 2 * reach / middle


def _donchian(bars, period):
    lower, upper = talib.MIN(bars["low"], period), talib.MAX(bars["high"], period)
    return lower, (lower + upper) / 2, upper


def _keltner(bars, period, atr_period, width):
    middle = talib.EMA(bars["close"], period)
    reach = width * talib.ATR(bars["high"], bars["low"], bars["close"], atr_period)
    return middle - reach, middle, middle + reach


TALIB = {
    "bollinger": _bollinger,
    "donchian": _donchian,
    "keltner": _keltner,
}

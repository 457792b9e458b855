"""Returns as TA-Lib has them."""

import numpy as np
import talib


def _returns(bars):
    simple = talib.ROCP(bars["close"], 1)
    return simple, np.log1p(simple)


TALIB = {"returns": _returns}

"""Log returns and log ratios of prices, also where a price has no logarithm."""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels.windows import log_return, twice_artanh

Floats = NDArray[np.float64]

FLAT = 1e-26
"""Mean square of log returns, (1e-13)^2, up to which they are rounding: a price has 16 digits. One cent in
1,000,000,000 is a hundred times as much as this root."""

SMALL = 0.2
"""A log return up to which `log_return` is `twice_artanh`, with some room."""


@compiled
def log_ratio(value: float, base: float) -> float:
    """ln(value / base), with all digits of a small one; 0 where it does not exist, see `blank_unpriced`."""
    if value > 0.0 and base > 0.0:
        ratio: float = log_return(value, base)
        return ratio
    return 0.0


@compiled
def log_returns(close: Floats, first: int, stop: int) -> Floats:
    """Log returns of rows first + 1 to `stop`, 0 where a price is not positive; see `blank_unpriced`."""
    older, newer = close[first : stop - 1], close[first + 1 : stop]
    changes, far = np.empty(len(newer)), 0
    # Nearly all are small, and these loops without a branch go several rows at a time.
    for i in range(len(newer)):
        changes[i] = twice_artanh((newer[i] - older[i]) / (newer[i] + older[i]))
    for i in range(len(newer)):
        far += 0 if abs(changes[i]) < SMALL and min(newer[i], older[i]) > 0.0 else 1
    if far > 0:
        for i in range(len(newer)):
            if not (abs(changes[i]) < SMALL and min(newer[i], older[i]) > 0.0):
                changes[i] = log_ratio(newer[i], older[i])
    return changes


@compiled
def blank_unpriced(prices: Floats, first: int, stop: int, rows: int, out: Floats) -> None:
    """NaN into the `rows` rows of `out` that begin with a price of 0 or below, which has no logarithm."""
    priced, unpriced = prices[first:stop], 0
    for i in range(len(priced)):
        unpriced += 0 if priced[i] > 0.0 else 1
    for i in range(first, stop if unpriced > 0 else first):
        if not prices[i] > 0.0:
            out[i : min(i + rows, stop)] = np.nan


@compiled
def rogers_satchell_term(open_: float, high: float, low: float, close: float) -> float:
    """Variance within one bar, whatever its drift (Rogers & Satchell 1991); not negative for prices in order."""
    up: float = log_ratio(high, close) * log_ratio(high, open_)
    down: float = log_ratio(low, close) * log_ratio(low, open_)
    return up + down

"""Log returns and log ratios of prices, also where a price has no logarithm."""

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.compiling import compiled
from tradepipe.indicators.kernels.windows import log_return

Floats = NDArray[np.float64]

FLAT = 1e-26
"""Mean square of log returns, (1e-13)^2, up to which they are rounding: a price has 16 digits. One cent in
1,000,000,000 is a hundred times as much as this root."""


@compiled
def log_ratio(value: float, base: float) -> float:
    """ln(value / base), with all digits of a small one; 0 where it does not exist, see `blank_unpriced`."""
    if value > 0.0 and base > 0.0:
        return log_return(value, base)
    return 0.0


@compiled
def log_returns(close: Floats, first: int, stop: int) -> Floats:
    """Log returns of rows first + 1 to `stop`, 0 where a price is not positive; see `blank_unpriced`."""
    count = stop - first - 1
    changes = np.empty(count)
    for i in range(count):
        changes[i] = log_ratio(close[first + i + 1], close[first + i])
    return changes


@compiled
def blank_unpriced(prices: Floats, first: int, stop: int, rows: int, out: Floats) -> None:
    """NaN into the `rows` rows of `out` that begin with a price of 0 or below, which has no logarithm."""
    for i in range(first, stop):
        if not prices[i] > 0.0:
            out[i : min(i + rows, stop)] = np.nan

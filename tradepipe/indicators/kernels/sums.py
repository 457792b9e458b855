"""Sums of moving windows over values of one sign, and the log returns that many of them are over.

The blocks of `tradepipe.indicators.kernels.windows` without its anchor: terms that are never negative cannot cancel, so
the sum keeps all digits, and a window of zeros adds up to exactly 0.
"""

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.compiling import compiled
from tradepipe.indicators.kernels.windows import log_return

Floats = NDArray[np.float64]

FLAT = 1e-26
"""Mean square of log returns, (1e-13)^2, up to which they are rounding: a price has 16 digits. One cent in
1,000,000,000 is a hundred times as much as this root."""


@compiled
def window_sums(values: Floats, first: int, stop: int, position: int, period: int, total: Floats) -> None:
    """Sum of the window that ends with each row from `first` to `stop`; the arguments are those of `window_means`."""
    tail = np.empty(period)
    start = min(first + (-position) % period, stop)
    total[first : min(start + period - 1, stop)] = np.nan
    for block in range(start, stop, period):
        if block > start:
            head = 0.0
            for k in range(min(period - 1, stop - block)):
                head += values[block + k]
                total[block + k] = tail[k + 1] + head
        if block + period <= stop:
            behind = 0.0
            for k in range(period - 1, -1, -1):
                behind += values[block + k]
                tail[k] = behind
            total[block + period - 1] = behind


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

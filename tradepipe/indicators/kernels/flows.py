"""What traded volume is weighed with."""

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.compiling import compiled

Floats = NDArray[np.float64]


@compiled
def money_flows(high: Floats, low: Floats, close: Floats, volume: Floats, first: int, out: Floats) -> None:
    """Volume times the close's place in its bar, -1 at the low to 1 at the high; 0 for a bar without a range.

    `out` begins with row `first` of the bars.
    """
    for i in range(len(out)):
        row = first + i
        span = high[row] - low[row]
        flow = ((close[row] - low[row]) - (high[row] - close[row])) / span * volume[row]
        out[i] = flow if span > 0.0 else 0.0


@compiled
def typical_flows(high: Floats, low: Floats, close: Floats, volume: Floats, first: int, out: Floats) -> None:
    """Typical price times volume; `out` begins with row `first` of the bars."""
    for i in range(len(out)):
        row = first + i
        out[i] = (high[row] + low[row] + close[row]) / 3.0 * volume[row]

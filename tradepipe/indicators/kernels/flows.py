"""What traded volume is weighed with. The arrays of a call begin with the same bar."""

import numpy as np
from numpy.typing import NDArray

from tradepipe.indicators.compiling import compiled

Floats = NDArray[np.float64]


@compiled
def money_flows(high: Floats, low: Floats, close: Floats, volume: Floats, out: Floats) -> None:
    """Volume times the close's place in its bar, -1 at the low to 1 at the high; 0 for a bar without a range."""
    for i in range(len(out)):
        span = high[i] - low[i]
        flow = ((close[i] - low[i]) - (high[i] - close[i])) / span * volume[i]
        out[i] = flow if span > 0.0 else 0.0


@compiled
def typical_flows(high: Floats, low: Floats, close: Floats, volume: Floats, out: Floats) -> None:
    """Typical price times volume."""
    for i in range(len(out)):
        out[i] = (high[i] + low[i] + close[i]) / 3.0 * volume[i]


@compiled
def divide_sums(amounts: Floats, traded: Floats) -> None:
    """Replace each amount by its share of what was traded; NaN where nothing was."""
    for i in range(len(amounts)):
        share = amounts[i] / traded[i]
        amounts[i] = share if traded[i] > 0.0 else np.nan

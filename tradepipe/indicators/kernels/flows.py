"""What traded volume is weighed with. The arrays of a call begin with the same bar."""

import numpy as np
from numpy.typing import NDArray

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels.sums import window_sums

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
def volume_weighted(amounts: Floats, volume: Floats, position: int, period: int, out: Floats) -> None:
    """Sums of `amounts` over sums of `volume` in moving windows, as `window_sums`; NaN where nothing was traded."""
    traded = np.empty(len(volume))
    window_sums(amounts, 0, len(amounts), position, period, out)
    window_sums(volume, 0, len(volume), position, period, traded)
    for i in range(len(out)):
        share = out[i] / traded[i]
        out[i] = share if traded[i] > 0.0 else np.nan

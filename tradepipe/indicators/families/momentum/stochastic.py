"""Where the close lies in the range of the last bars."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, STOP
from tradepipe.indicators.kernels.extrema import window_maxima, window_minima
from tradepipe.indicators.kernels.oscillators import Floats, places_in_range, short_means
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import place_in_range, window_sum


def _outputs(label: str, period: int, slowing: int, d_period: int) -> tuple[Output, ...]:
    k = f"place of the close in the {period}-bar range" + (f", mean of {slowing} bars" if slowing > 1 else "")
    warm_up = period + slowing - 2
    return (
        Output(f"{label}_k", f"%K: {k}", "points", warm_up, minimum=0, maximum=100),
        Output(f"{label}_d", f"%D: mean of %K over {d_period} bars", "points", warm_up + d_period - 1, 0, 100),
    )


@compiled
def _kernel(
    series: Series,
    _memory: Memory,
    high: Floats,
    low: Floats,
    close: Floats,
    period: int,
    slowing: int,
    d_period: int,
    k: Floats,
    d: Floats,
) -> None:
    for g in range(len(series)):
        first, stop = series[g, FIRST], series[g, STOP]
        highest, lowest = np.empty(stop - first), np.empty(stop - first)
        window_maxima(high[first:stop], 0, stop - first, period, highest)
        window_minima(low[first:stop], 0, stop - first, period, lowest)
        places_in_range(close[first:stop], highest, lowest, highest)
        short_means(highest, slowing, k[first:stop])
        short_means(k[first:stop], d_period, d[first:stop])


def _specification(period: int, slowing: int, d_period: int) -> tuple[pl.Expr, ...]:
    fast = 100 * place_in_range(pl.col("close"), pl.col("high"), pl.col("low"), period)
    slow = window_sum(fast, slowing) / slowing
    return slow, window_sum(slow, d_period) / d_period


STOCHASTIC = register(
    Indicator(
        name="stochastic",
        title="Stochastic oscillator",
        description="%K = 100 * (close - lowest low) / (highest high - lowest low) of the last `period` bars, "
        "smoothed by a simple mean of `slowing` bars (1 gives the fast stochastic), and %D, the simple mean of %K "
        "over `d_period` bars. Null while the range is empty, and in the means that such a bar is part of.",
        source="Lane (1984), Technical Analysis of Stocks & Commodities 2:3, Lane's Stochastics",
        inputs=("high", "low", "close"),
        parameters=(
            Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the range"),
            Parameter("slowing", int, 3, minimum=1, maximum=100, description="bars in the mean that makes %K slow"),
            Parameter("d_period", int, 3, minimum=1, maximum=100, description="bars in the mean of %K"),
        ),
        outputs=_outputs,
        lookback=lambda period, slowing, d_period: period + slowing + d_period - 3,
        context=lambda period, slowing, d_period: period + slowing + d_period - 3,
        kernel=_kernel,
        specification=_specification,
        differences="STOCH gives no %K before %D has a value, and 0 where the range is empty (0/0).",
    )
)

"""How far the close lies below the top of the range of the last bars."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, STOP
from tradepipe.indicators.kernels.extrema import Floats, window_maxima, window_minima
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"distance of the close from the highest high, as a share of the {period}-bar range, times -100"
    return (Output(label, text, unit="points", warm_up=period - 1, minimum=-100, maximum=0),)


@compiled
def _kernel(
    series: Series, _memory: Memory, high: Floats, low: Floats, close: Floats, period: int, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        highest = np.empty(stop - first)
        window_maxima(high[first:stop], 0, stop - first, period, highest)
        window_minima(low, first, stop, period, out)
        values, tops, closes = out[fresh:stop], highest[fresh - first :], close[fresh:stop]
        for i in range(len(values)):
            span = tops[i] - values[i]
            place = 100.0 * ((closes[i] - tops[i]) / span)
            values[i] = place if span > 0.0 else np.nan


def _specification(period: int) -> tuple[pl.Expr, ...]:
    highest, lowest = pl.col("high").rolling_max(period), pl.col("low").rolling_min(period)
    return (pl.when(highest > lowest).then(-100 * (highest - pl.col("close")) / (highest - lowest)),)


WILLIAMS_R = register(
    Indicator(
        name="williams_r",
        title="Williams %R",
        description="-100 * (highest high - close) / (highest high - lowest low) of the last `period` bars: 0 at the "
        "top of the range, -100 at its bottom. Null while the range is empty.",
        source="Williams (1979), How I Made One Million Dollars Last Year Trading Commodities",
        inputs=("high", "low", "close"),
        parameters=(Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the range"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=lambda period: period - 1,
        kernel=_kernel,
        specification=_specification,
        differences="WILLR gives 0 where the range is empty (0/0).",
    )
)

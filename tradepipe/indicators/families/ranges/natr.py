"""Average true range as a share of the price."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.recursions import Floats, seeded_average
from tradepipe.indicators.kernels.smoothing import fading_average, true_ranges
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_lookback, wilder_average
from tradepipe.indicators.specifications import true_range as true_range_of


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"Wilder's {period}-bar average of the true range over the close"
    return (Output(label, text, unit="percent", warm_up=period),)


@compiled
def _kernel(series: Series, memory: Memory, high: Floats, low: Floats, close: Floats, period: int, out: Floats) -> None:
    """Memory: close before, average (the sum until the seed)."""
    weight = 1.0 / period
    for g in range(len(series)):
        fresh, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        before = memory[slot, 0]
        memory[slot, 0] = close[stop - 1]
        if seen == 0:
            out[fresh] = np.nan
            before = close[fresh]
            fresh, seen = fresh + 1, 1
        values, highs, lows, closes = out[fresh:stop], high[fresh:stop], low[fresh:stop], close[fresh:stop]
        ranges = np.empty(len(values))
        true_ranges(highs, lows, closes, before, ranges)
        head = min(max(period + 1 - seen, 0), len(values))
        average = seeded_average(ranges, 0, head, seen - 1, period, weight, memory[slot, 1], values)
        memory[slot, 1] = fading_average(ranges[head:], average, weight, values[head:])
        for i in range(len(values)):
            share = 100.0 * (values[i] / closes[i])
            values[i] = share if closes[i] != 0.0 else np.nan


def _specification(period: int) -> tuple[pl.Expr, ...]:
    close = pl.col("close")
    return (pl.when(close != 0).then(100 * wilder_average(true_range_of(), period) / close),)


NATR = register(
    Indicator(
        name="natr",
        title="Normalised average true range",
        description="Wilder's average of the true range in percent of the close, so that instruments of different "
        "prices compare. The average is that of `atr`: the first bar, which has no close before, has no true range. "
        "Null where the close is zero.",
        source="Forman (2006), Technical Analysis of Stocks & Commodities 24:5, Cross-Market Evaluations with "
        "Normalized Average True Range",
        inputs=("high", "low", "close"),
        parameters=(Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the average"),),
        outputs=_outputs,
        lookback=lambda period: seeded_lookback(period, 1 / period),
        memory=lambda period: 2,
        kernel=_kernel,
        specification=_specification,
        differences="NATR gives 0 where the close is zero.",
    )
)

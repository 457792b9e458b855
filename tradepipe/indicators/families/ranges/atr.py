"""Average true range."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.recursions import Floats, true_range
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_lookback, wilder_average
from tradepipe.indicators.specifications import true_range as true_range_of


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"Wilder's {period}-bar average of the true range"
    return (Output(label, text, unit="price currency", warm_up=period, minimum=0),)


@compiled
def _kernel(series: Series, memory: Memory, high: Floats, low: Floats, close: Floats, period: int, out: Floats) -> None:
    """Memory: close before, average (the sum until the seed)."""
    # Elsewhere the step is `average += weight * (value - average)`. This one has a third less to wait for.
    weight = 1.0 / period
    keep = 1.0 - weight
    for g in range(len(series)):
        row, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        before, average = memory[slot, 0], memory[slot, 1]
        while row < stop and seen <= period:
            out[row] = np.nan
            if seen > 0:
                average += true_range(high[row], low[row], before)
            if seen == period:
                average /= period
                out[row] = average
            before = close[row]
            seen += 1
            row += 1
        for i in range(row, stop):
            average = keep * average + weight * true_range(high[i], low[i], before)
            before = close[i]
            out[i] = average
        memory[slot, 0], memory[slot, 1] = before, average


def _specification(period: int) -> tuple[pl.Expr, ...]:
    return (wilder_average(true_range_of(), period),)


ATR = register(
    Indicator(
        name="atr",
        title="Average true range",
        description="Wilder's average of the true range: the widest of high - low, |high - close before| and "
        "|low - close before|. As in TA-Lib the first bar, which has no close before, has no true range, and the seed "
        "is the simple mean of the next `period`; Wilder and StockCharts count high - low of the first bar.",
        source="Wilder (1978), New Concepts in Technical Trading Systems, section III",
        inputs=("high", "low", "close"),
        parameters=(Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the average"),),
        outputs=_outputs,
        lookback=lambda period: seeded_lookback(period, 1 / period),
        memory=lambda period: 2,
        kernel=_kernel,
        specification=_specification,
    )
)

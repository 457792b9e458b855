"""Triple exponential moving average."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.cascades import cascade_lookback, seeded_step
from tradepipe.indicators.kernels.recursions import Floats
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_average


@compiled
def _kernel(series: Series, memory: Memory, close: Floats, period: int, out: Floats) -> None:
    """Memory: the average, the average of averages and the average of those (sums until their seeds)."""
    weight, lag = 2.0 / (period + 1), period - 1
    for g in range(len(series)):
        seen, slot = series[g, SEEN], series[g, SLOT]
        one, two, three = memory[slot, 0], memory[slot, 1], memory[slot, 2]
        for i in range(series[g, FRESH], series[g, STOP]):
            one = seeded_step(one, close[i], seen, period, weight)
            two = seeded_step(two, one, seen - lag, period, weight)
            three = seeded_step(three, two, seen - 2 * lag, period, weight)
            out[i] = 3.0 * one - 3.0 * two + three if seen >= 3 * lag else np.nan
            seen += 1
        memory[slot, 0], memory[slot, 1], memory[slot, 2] = one, two, three


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"3 * EMA - 3 * EMA(EMA) + EMA(EMA(EMA)) of closes, each of {period} bars"
    return (Output(label, text, unit="price currency", warm_up=3 * (period - 1)),)


def _specification(period: int) -> tuple[pl.Expr, ...]:
    weight, lag = 2 / (period + 1), period - 1
    one = seeded_average(pl.col("close"), period, weight, seed_row=lag)
    two = seeded_average(one, period, weight, seed_row=2 * lag)
    three = seeded_average(two, period, weight, seed_row=3 * lag)
    return (3 * one - 3 * two + three,)


TEMA = register(
    Indicator(
        name="tema",
        title="Triple exponential moving average",
        description="3 * EMA - 3 * EMA(EMA) + EMA(EMA(EMA)), which lags less than the double one. "
        "Each mean is seeded, as in TA-Lib, with the simple mean of the first `period` values it gets.",
        source="Mulloy (1994), Smoothing data with less lag, Stocks & Commodities 12:2",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in each average"),),
        outputs=_outputs,
        lookback=lambda period: cascade_lookback(period, 3),
        memory=lambda period: 3,
        kernel=_kernel,
        specification=_specification,
    )
)

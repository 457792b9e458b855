"""Double exponential moving average."""

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
    """Memory: the average and the average of averages (sums until their seeds)."""
    weight, ready = 2.0 / (period + 1), 2 * (period - 1)
    for g in range(len(series)):
        seen, slot = series[g, SEEN], series[g, SLOT]
        one, two = memory[slot, 0], memory[slot, 1]
        for i in range(series[g, FRESH], series[g, STOP]):
            one = seeded_step(one, close[i], seen, period, weight)
            two = seeded_step(two, one, seen - (period - 1), period, weight)
            out[i] = 2.0 * one - two if seen >= ready else np.nan
            seen += 1
        memory[slot, 0], memory[slot, 1] = one, two


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"twice the {period}-bar exponential mean of closes, minus the exponential mean of that mean"
    return (Output(label, text, unit="price currency", warm_up=2 * (period - 1)),)


def _specification(period: int) -> tuple[pl.Expr, ...]:
    one = seeded_average(pl.col("close"), period, 2 / (period + 1), seed_row=period - 1)
    two = seeded_average(one, period, 2 / (period + 1), seed_row=2 * (period - 1))
    return (2 * one - two,)


DEMA = register(
    Indicator(
        name="dema",
        title="Double exponential moving average",
        description="2 * EMA - EMA(EMA): the lag of an exponential mean, as the mean of the mean shows it, taken off. "
        "Each mean is seeded, as in TA-Lib, with the simple mean of the first `period` values it gets.",
        source="Mulloy (1994), Smoothing data with faster moving averages, Stocks & Commodities 12:1",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in each average"),),
        outputs=_outputs,
        lookback=lambda period: cascade_lookback(period, 2),
        memory=lambda period: 2,
        kernel=_kernel,
        specification=_specification,
    )
)

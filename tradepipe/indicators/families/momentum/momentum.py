"""Momentum: the change of the close."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, STOP
from tradepipe.indicators.kernels.windows import Floats
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    return (Output(label, f"close minus the close {period} bars before", unit="price currency", warm_up=period),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = min(max(first + period, fresh), stop)
        out[fresh:start] = np.nan
        values, now, before = out[start:stop], close[start:stop], close[start - period : stop - period]
        for i in range(len(values)):
            values[i] = now[i] - before[i]


MOMENTUM = register(
    Indicator(
        name="momentum",
        title="Momentum",
        description="Change of the close over `period` bars, in the currency of the price.",
        source="Murphy (1999), Technical Analysis of the Financial Markets, chapter 10",
        inputs=("close",),
        parameters=(Parameter("period", int, 10, minimum=1, maximum=2000, description="bars between the closes"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: period,
        kernel=_kernel,
        specification=lambda period: (pl.col("close").diff(period),),
    )
)

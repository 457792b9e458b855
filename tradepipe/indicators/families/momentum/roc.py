"""Rate of change."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, STOP
from tradepipe.indicators.kernels.windows import Floats
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    return (Output(label, f"close over the close {period} bars before, minus 1", unit="percent", warm_up=period),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = min(max(first + period, fresh), stop)
        out[fresh:start] = np.nan
        values, now, before = out[start:stop], close[start:stop], close[start - period : stop - period]
        for i in range(len(values)):
            change = 100.0 * ((now[i] - before[i]) / before[i])
            values[i] = change if before[i] != 0.0 else np.nan


def _specification(period: int) -> tuple[pl.Expr, ...]:
    close, before = pl.col("close"), pl.col("close").shift(period)
    return (pl.when(before != 0).then(100 * (close - before) / before),)


ROC = register(
    Indicator(
        name="roc",
        title="Rate of change",
        description="Change of the close over `period` bars in percent of the earlier close. Null where that close is "
        "zero.",
        source="Murphy (1999), Technical Analysis of the Financial Markets, chapter 10",
        inputs=("close",),
        parameters=(Parameter("period", int, 10, minimum=1, maximum=2000, description="bars between the closes"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: period,
        kernel=_kernel,
        specification=_specification,
        differences="ROC gives 0 where the earlier close is zero.",
    )
)

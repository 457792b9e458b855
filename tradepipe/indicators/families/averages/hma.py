"""Hull moving average."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.weighted import window_weighted
from tradepipe.indicators.kernels.windows import Floats, context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import weighted_mean


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    root = int(math.sqrt(period))
    for g in range(len(series)):
        first, stop = series[g, FIRST], series[g, STOP]
        position = series[g, SEEN] - (series[g, FRESH] - first)
        rows = stop - first
        raw, whole = np.empty(rows), out[first:stop]
        window_weighted(close[first:stop], 0, rows, position, period, whole)
        window_weighted(close[first:stop], 0, rows, position, period // 2, raw)
        # The last window is of values that begin with the period's last row, whose place among them is 0. Those that
        # a piece's cut block leaves unknown are NaN, and lie before the context of the first row to compute.
        begin = min(period - 1, rows)
        for i in range(rows):
            raw[i] = 2.0 * raw[i] - whole[i]
        whole[:begin] = np.nan
        window_weighted(raw, begin, rows, position, root, whole)


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    root = math.isqrt(period)
    text = f"weighted mean over {root} bars of 2 * WMA({period // 2}) - WMA({period})"
    return (Output(label, text, unit="price currency", warm_up=period + root - 2),)


def _specification(period: int) -> tuple[pl.Expr, ...]:
    raw = 2 * weighted_mean(pl.col("close"), period // 2) - weighted_mean(pl.col("close"), period)
    return (weighted_mean(raw, math.isqrt(period)),)


HMA = register(
    Indicator(
        name="hma",
        title="Hull moving average",
        description="WMA over the root of the period of 2 * WMA(period / 2) - WMA(period): smooth, and with little "
        "lag. Half and root are rounded down.",
        source="Hull (2005), How to reduce lag in a moving average, alanhull.com",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the longest average"),),
        outputs=_outputs,
        lookback=lambda period: period + math.isqrt(period) - 2,
        context=lambda period: context_of(period) + context_of(math.isqrt(period)),
        kernel=_kernel,
        specification=_specification,
    )
)

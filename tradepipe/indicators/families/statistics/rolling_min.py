"""Lowest value of a moving window."""

import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, STOP
from tradepipe.indicators.kernels.extrema import Floats, window_minima
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"lowest of the last {period} closes"
    return (Output(label, text, unit="price currency", warm_up=period - 1),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        window_minima(close, series[g, FIRST], series[g, STOP], period, out)


ROLLING_MIN = register(
    Indicator(
        name="rolling_min",
        title="Rolling minimum",
        description="The lowest of the last closes, this bar's included. For the lows of the bars see `donchian`.",
        source="Murphy (1999), Technical Analysis of the Financial Markets, chapter 9",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=lambda period: period - 1,
        kernel=_kernel,
        specification=lambda period: (pl.col("close").rolling_min(period),),
    )
)

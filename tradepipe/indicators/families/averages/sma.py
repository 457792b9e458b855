"""Simple moving average."""

import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.windows import Floats, context_of, window_means
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh = series[g, FIRST], series[g, FRESH]
        window_means(close, first, series[g, STOP], series[g, SEEN] - (fresh - first), period, out)


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"simple mean of the last {period} closes"
    return (Output(label, text, unit="price currency", warm_up=period - 1),)


SMA = register(
    Indicator(
        name="sma",
        title="Simple moving average",
        description="Arithmetic mean of the last closes, each with the same weight.",
        source="Murphy (1999), Technical Analysis of the Financial Markets, chapter 9",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the average"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (pl.col("close").rolling_mean(period),),
    )
)

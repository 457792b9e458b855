"""Weighted moving average."""

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
    for g in range(len(series)):
        first, fresh = series[g, FIRST], series[g, FRESH]
        window_weighted(close, first, series[g, STOP], series[g, SEEN] - (fresh - first), period, out)


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"mean of the last {period} closes with weights 1 (oldest) to {period} (newest)"
    return (Output(label, text, unit="price currency", warm_up=period - 1),)


WMA = register(
    Indicator(
        name="wma",
        title="Weighted moving average",
        description="Mean of the last closes in which each bar weighs one part more than the bar before it.",
        source="Murphy (1999), Technical Analysis of the Financial Markets, chapter 9",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the average"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (weighted_mean(pl.col("close"), period),),
    )
)

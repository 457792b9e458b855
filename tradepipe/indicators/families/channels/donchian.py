"""The range of the last bars."""

import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, STOP
from tradepipe.indicators.kernels.extrema import Floats, window_maxima, window_minima
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    unit, warm_up = "price currency", period - 1
    return (
        Output(f"{label}_lower", f"lowest low of the last {period} bars", unit, warm_up),
        Output(f"{label}_middle", "mean of the upper and the lower line", unit, warm_up),
        Output(f"{label}_upper", f"highest high of the last {period} bars", unit, warm_up),
    )


@compiled
def _midpoints(lower: Floats, upper: Floats, middle: Floats) -> None:
    for i in range(len(middle)):  # whole views: several rows at a time
        middle[i] = 0.5 * (lower[i] + upper[i])


@compiled
def _kernel(
    series: Series,
    _memory: Memory,
    high: Floats,
    low: Floats,
    period: int,
    lower: Floats,
    middle: Floats,
    upper: Floats,
) -> None:
    for g in range(len(series)):
        first, stop = series[g, FIRST], series[g, STOP]
        window_minima(low, first, stop, period, lower)
        window_maxima(high, first, stop, period, upper)
        _midpoints(lower[first:stop], upper[first:stop], middle[first:stop])


def _specification(period: int) -> tuple[pl.Expr, ...]:
    lower, upper = pl.col("low").rolling_min(period), pl.col("high").rolling_max(period)
    return lower, (lower + upper) / 2, upper


DONCHIAN = register(
    Indicator(
        name="donchian",
        title="Donchian channel",
        description="Highest high and lowest low of the last bars, and their mean. This bar counts among them, as in "
        "TA-Lib's MAX and MIN and in most charts, so the close never leaves the channel: compare it with the channel "
        "of the bar before to see a breakout.",
        source="Kaufman (2013), Trading Systems and Methods, chapter 5: Donchian's four-week rule",
        inputs=("high", "low"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=lambda period: period - 1,
        kernel=_kernel,
        specification=_specification,
    )
)
